"""Which kind of speech a session gets, and which voices callers may name; read without pipecat, by web as well."""

import difflib

from greenroom.app.errors.bots import UnknownVoice
from greenroom.app.named_bots import BUILT_IN_BOTS
from greenroom.app.settings import Settings
from greenroom.app.speech import Part
from greenroom.app.speech.choosing import CHAIN, Named, choices
from greenroom.bots import personalities
from greenroom.bots.personalities import Personality

# espeak-ng's own, as its data files are called.  espeak itself takes an unknown variant without a word.
_LANGUAGES = """
    af am an ar as az ba be bg bn bpy bs ca ca-ba ca-nw ca-va chr cmn cmn-latn-pinyin cs cv cy da de el en en-029
    en-gb-scotland en-gb-x-gbclan en-gb-x-gbcwmd en-gb-x-rp en-shaw en-us en-us-nyc eo es es-419 et eu fa fa-latn
    fi fo fr fr-be fr-ch ga gd gn grc gu hak haw he hi hr ht hu hy hyw ia id io is it ja jbo ka kaa kk kl kn ko kok
    ku ky la lb lfn lt ltg lv mi mk ml mr ms mt mto my nb nci ne nl nog om or pa pap piqd pl pt pt-br py qdb qu quc
    qya ro ru ru-cl ru-lv sd shn si sjn sk sl smj sq sr sv sw ta te th ti tk tn tr tt ug uk ur uz vi
    vi-vn-x-central vi-vn-x-south xex yue yue-latn-jyutping
"""
_VARIANTS = """
    adam Alex Alicia Andrea Andy anika anikaRobot Annie announcer antonio AnxiousAndy aunty belinda benjamin boris
    caleb croak david Demonic Denis Diogo ed edward edward2 f1 f2 f3 f4 f5 fast Gene Gene2 grandma grandpa gustave
    Henrique Hugo ian iven iven2 iven3 iven4 Jacky john kaukovalta klatt klatt2 klatt3 klatt4 klatt5 klatt6 Lee
    linda m1 m2 m3 m4 m5 m6 m7 m8 marcelo Marco Mario max Michael michel miguel Mike mike2 Nguyen
    norbert pablo paul pedro quincy Reed RicishayMax RicishayMax2 RicishayMax3 rob robert robosoft robosoft2
    robosoft3 robosoft4 robosoft5 robosoft6 robosoft7 robosoft8 sandro shelby steph steph2 steph3 Storm travis
    Tweaky UniRobot victor whisper whisperf zac
"""
LANGUAGES = frozenset(_LANGUAGES.split())
VARIANTS = frozenset([*_VARIANTS.split(), "Mr serious"])


def named_by(personality: Personality | None) -> Named:
    """The services that a personality names itself, by part."""
    if personality is None:
        return {}
    everything = (personality.speech,) if personality.speech else ()
    return {**(dict.fromkeys(CHAIN, everything) if everything else {}), **personality.services}


def kind_for(settings: Settings, personality: Personality | None = None) -> str:
    """The name of the service that speaks: the personality's own choice, else the operator's, else what there is."""
    return choices(settings, named_by(personality))[Part.SPEAKING][0].service.name


def is_espeak_voice(name: str) -> bool:
    """Whether espeak-ng has a voice, as in en-us or en-us+f2 (with a variant)."""
    language, plus, variant = name.partition("+")
    return language.lower() in LANGUAGES and (variant in VARIANTS if plus else True)


def personality_of_voice(name: str) -> Personality | None:
    """The personality that has this voice, by its name here or with an OpenAI-compatible server."""
    everybody = map(personalities.load, personalities.names())
    return next((each for each in everybody if name and name in (each.demo_voice.name, each.voice)), None)


def check_voice(voice: str, *, bot: str, personality: str, settings: Settings) -> None:
    """Raises UnknownVoice for a voice that the session's speech would ignore.

    Only the demo's voices are known here.  An OpenAI-compatible server has its own, and a bot of somebody else's
    may understand any name.
    """
    if settings.bots.get(bot) != BUILT_IN_BOTS.get(bot):
        return
    if kind_for(settings, personalities.load(personality)) != "demo":
        return
    if not is_espeak_voice(voice) and personality_of_voice(voice) is None:
        raise UnknownVoice(f"There is no voice named {voice} in the demo's speech. {_known(voice)}")


def _known(voice: str) -> str:
    """What there is, by the part of the name that is wrong: there are some 14,000 voices."""
    language, _, variant = voice.partition("+")
    of_personalities = sorted(
        {
            each
            for it in map(personalities.load, personalities.names())
            for each in (it.voice, it.demo_voice.name)
            if each
        }
    )
    if language.lower() in LANGUAGES:
        near = difflib.get_close_matches(variant, sorted(VARIANTS), n=1)
        hint = f"Did you mean {language}+{near[0]}? " if near else ""
        return f"{hint}What may follow {language}+ is one of {', '.join(sorted(VARIANTS, key=str.lower))}."
    return (
        f"It has the personalities' ({', '.join(of_personalities)}), and espeak-ng's: a language, as in en-us, "
        f"or with a variant, as in en-us+f2. The languages are {', '.join(sorted(LANGUAGES))}."
    )
