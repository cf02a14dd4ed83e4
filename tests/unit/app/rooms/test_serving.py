"""A room that is free is served only by a bot that can be heard, think and speak on some worker."""

from dataclasses import replace

import pytest

from greenroom.app.errors.bots import ServiceNotReady
from greenroom.app.rooms.leases import ReadRoom
from tests.rigs.makers import STAGE, a_report, an_order

WHY = "deepgram (hearing): set DEEPGRAM_API_KEY"


def lacks(ledger, *, name="bots@stage", draining=False):
    report = a_report(name=name)
    host = replace(report.host, unready={"assistant/host": WHY}, draining=draining)
    ledger.run(replace(report, host=host))


def test_a_personality_that_lacks_a_service_on_every_worker_is_refused_before_a_launch(
    joining, ledger, launches
):
    lacks(ledger)
    ledger.run(
        replace(a_report(name="bots@new"), host=replace(a_report(name="bots@new").host, draining=True))
    )

    with pytest.raises(ServiceNotReady, match=r"personality host lacks .* set DEEPGRAM_API_KEY\."):
        joining.join(an_order(bot="assistant", personality="host"))

    assert launches.asked == []
    assert ledger.run(ReadRoom(STAGE)).lease is None


@pytest.mark.parametrize(("bot", "personality"), [("assistant", "critic"), ("mine", "host")])
def test_other_personalities_and_other_bots_are_served(joining, ledger, launches, bot, personality):
    lacks(ledger)

    joining.join(an_order(bot=bot, personality=personality))
    assert len(launches.asked) == 1


def test_one_worker_that_lacks_nothing_is_enough(joining, ledger, launches):
    lacks(ledger)
    ledger.run(a_report(name="bots@newer"))

    joining.join(an_order(bot="assistant", personality="host"))
    assert len(launches.asked) == 1


def test_who_comes_to_a_bot_that_lives_is_let_in_whatever_a_new_one_would_lack(
    joining, ledger, launches, puppet
):
    ledger.run(a_report())
    joining.join(an_order(bot="assistant", personality="host"))
    puppet().go_live()
    lacks(ledger)

    assert joining.join(an_order(bot="assistant", personality="host")).reused
