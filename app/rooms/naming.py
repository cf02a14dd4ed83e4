"""Names for fresh rooms that a person can read out."""

import secrets

# Of 256 words, so 32 bits: enough that no two rooms meet.  A name is no secret: to join takes a key or a pass.
WORDS_EACH = 4

_TEXT = """
amber anchor apple apron arrow aspen autumn badge badger bagel ballet bamboo banjo barley basil basket beacon
bear beaver bench berry birch bison blanket blossom bonfire bottle bridge bronze brook bucket butter button
cabin cactus camel candle canoe canyon carbon carpet carrot castle cedar cello chalk cherry chess cider cinema
circle citrus clay clover cobalt cocoa comet compass copper coral cotton cousin crane crayon cricket crystal
curtain cushion cypress dahlia daisy dancer delta desert diamond dolphin domino donkey dragon drum eagle easel
echo elbow ember emerald engine falcon fern ferry fiddle field finch flame flannel flute forest fossil
fountain fox galaxy garden garlic garnet gazelle geyser ginger glacier globe goose granite grape guitar hammer
hammock harbor harvest hazel helmet heron honey hotel iceberg indigo iris island ivory jacket jasmine jersey
jungle juniper kayak kettle kitchen kite koala ladder lagoon lantern laurel lava lemon lilac linen lion lizard
lobster lotus magnet magpie mango maple marble marigold market meadow melon mesa meteor mint mirror mitten
monsoon moose mosaic moss mountain museum mustard needle nickel north nutmeg oak oasis ocean olive onion onyx
opal orange orbit orchid otter oyster paddle palace panda paper parrot pasta pebble pelican pepper piano
pigeon pillow pine planet plum pocket polar pony poplar poppy prairie prism puffin puzzle quail quartz quilt
rabbit radio raft rain raven reef ribbon river robin rocket rose saddle saffron sail salmon sand satin saturn
scarf school shadow silk silver spruce squirrel stable summer sunset swan thistle tiger timber tulip tunnel
turtle valley velvet violet violin walnut willow window winter
"""
WORDS = tuple(_TEXT.split())


def fresh_name() -> str:
    """As in amber-otter-quilt-raven."""
    return "-".join(secrets.choice(WORDS) for _ in range(WORDS_EACH))
