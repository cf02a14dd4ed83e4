"""A call in which nobody says anything: each rule, on a clock that stands still."""

from datetime import timedelta

from greenroom.app.rooms.quiet import Follows, Quiet

LIMIT = timedelta(seconds=60)


def test_a_quiet_call_is_asked_once_and_ends_after_the_same_time_again():
    quiet = Quiet(1000)

    looks = {at: quiet.look(1000 + at, LIMIT) for at in (59, 60, 61, 119, 120)}

    assert looks == {
        59: Follows.NOTHING,
        60: Follows.ASK,
        61: Follows.NOTHING,
        119: Follows.NOTHING,
        120: Follows.END,
    }


def test_whoever_says_something_has_all_the_time_again_also_after_the_question():
    quiet = Quiet(0)
    quiet.begin_anew(50)
    assert quiet.look(60, LIMIT) is Follows.NOTHING
    assert quiet.look(110, LIMIT) is Follows.ASK

    quiet.begin_anew(120)

    assert quiet.look(179, LIMIT) is Follows.NOTHING
    assert quiet.look(180, LIMIT) is Follows.ASK


def test_a_long_answer_of_the_bot_s_takes_no_time_from_people():
    quiet = Quiet(0)
    quiet.bot_spoke(59)

    assert quiet.look(118, LIMIT) is Follows.NOTHING
    assert quiet.look(119, LIMIT) is Follows.ASK


def test_the_bot_s_own_question_answers_nothing():
    quiet = Quiet(0)
    assert quiet.look(60, LIMIT) is Follows.ASK

    quiet.bot_spoke(63)  # it has asked

    assert quiet.look(122, LIMIT) is Follows.NOTHING
    assert quiet.look(123, LIMIT) is Follows.END


def test_without_a_limit_nothing_follows_and_one_that_is_set_then_begins_then():
    quiet = Quiet(0)
    assert quiet.look(100_000, timedelta(0)) is Follows.NOTHING

    assert quiet.look(100_059, LIMIT) is Follows.NOTHING
    assert quiet.look(100_060, LIMIT) is Follows.ASK
