"""Who gets voice sessions: the same people in every process, and more of them when a share grows."""

from dataclasses import replace
from itertools import pairwise

import pytest

from greenroom.app.errors.users import VoiceNotEnabled
from greenroom.app.rooms.assistants import Assistant, VoiceSessionConfig
from greenroom.app.rooms.rollout import Outside, Rollout

PEARL = Assistant("a1", "pearl")
USERS = [f"user-{number}" for number in range(2000)]


def with_share(share, assistant=PEARL):
    return replace(assistant, voice_session_config=VoiceSessionConfig(rollout_share=share))


def those_in(assistant):
    return {user for user in USERS if Rollout().outside(assistant, user) is None}


def test_everybody_is_in_where_nobody_has_said_otherwise():
    assert those_in(PEARL) == set(USERS)
    assert Rollout().outside(None, "ann") is None


def test_the_switch_is_everybodys():
    rollout = Rollout(is_on=False, fallback="vapi", notice="Voice is back at noon.")

    assert rollout.outside(None, "ann") is Outside.SWITCHED_OFF
    with pytest.raises(VoiceNotEnabled) as refused:
        rollout.check(PEARL, "ann")
    assert refused.value.facts == {
        "because": "switched-off",
        "fallback": "vapi",
        "notice": "Voice is back at noon.",
    }


def test_an_assistant_that_is_not_enabled_has_none():
    config = VoiceSessionConfig(enabled=False)

    assert Rollout().outside(replace(PEARL, voice_session_config=config), "ann") is Outside.NOT_ENABLED


@pytest.mark.parametrize("share", [1, 10, 50, 90])
def test_a_share_is_about_as_large_as_it_says(share):
    assert abs(len(those_in(with_share(share))) / len(USERS) - share / 100) < 0.05


def test_nobody_is_in_no_share_and_everybody_in_all_of_it():
    assert those_in(with_share(0)) == set()
    assert those_in(with_share(100)) == set(USERS)


def test_whoever_is_in_stays_in_while_a_share_grows():
    shares = [those_in(with_share(share)) for share in (1, 10, 30, 100)]

    assert all(fewer < more for fewer, more in pairwise(shares))


def test_a_share_is_of_the_assistant_whatever_it_is_called():
    other = with_share(30, Assistant("a2", "pearl"))

    assert those_in(with_share(30)) == those_in(with_share(30, replace(PEARL, name="opal")))
    assert those_in(with_share(30)) != those_in(other)


def test_a_share_of_the_assistants_is_drawn_by_their_ids():
    assistants = [Assistant(f"id-{number}", f"name-{number}") for number in range(1000)]

    def those_with(share):
        rollout = Rollout(assistants_share=share)
        return {each.id for each in assistants if rollout.outside(each, "ann") is None}

    assert those_with(0) == set()
    assert those_with(10) < those_with(40) < those_with(100) == {each.id for each in assistants}
    assert 50 < len(those_with(10)) < 150
    left_out = next(each for each in assistants if each.id not in those_with(10))
    assert Rollout(assistants_share=10).outside(left_out, "ann") is Outside.ASSISTANTS_SHARE


def test_the_draw_is_the_same_in_every_version():
    """A change of the draw would move people out of a rollout that they are in."""
    assert sorted(those_in(with_share(1)))[:3] == ["user-1076", "user-1194", "user-1218"]
