"""The commands about workers, and about the rooms that they look after."""

import argparse
import json
from datetime import UTC, datetime

from greenroom.app.cli_arguments import (
    FAILED,
    INTERRUPTED,
    OK,
    complain,
    json_argument,
    room,
    seconds_argument,
    word,
)
from greenroom.app.cli_here import ledger_of, settings_here
from greenroom.app.rooms.timings import WORKER_GONE_AFTER


def workers(chosen: argparse.Namespace) -> int:
    """List the workers: slots, used, warm, and who drains."""
    from greenroom.app.operate import fleet

    ledger = ledger_of(settings_here())
    hosts = fleet.workers(ledger)
    if chosen.json:
        print(json.dumps({"workers": fleet.as_objects(hosts)}))
    else:
        print(fleet.as_table(hosts, fleet.now_ms(ledger)))
    return OK


def drain(chosen: argparse.Namespace) -> int:
    """Empty a worker: it takes no launches, and hands its calls over."""
    from greenroom.app.operate import fleet

    ledger = ledger_of(settings_here())
    watch = fleet.Watch(ledger, fleet.find(ledger, chosen.host), _tell)
    if chosen.undo:
        fleet.undo(watch)
        return OK
    try:
        fleet.drain(watch, within=chosen.timeout)
    except KeyboardInterrupt:
        complain(
            f"{watch.host.id} goes on draining; `greenroom drain --undo {watch.host.id}` lets it work again."
        )
        return INTERRUPTED
    return OK


def restart(chosen: argparse.Namespace) -> int:
    """Replace all bot workers, one after the other; calls are handed over."""
    from greenroom.app.operate import fleet

    ledger = ledger_of(settings_here())
    hosts = [host for host in fleet.workers(ledger) if host.kind == "bots"]
    if not hosts:
        complain(
            f"No bot worker has reported in the last {WORKER_GONE_AFTER.seconds} seconds, so there is none to restart."
        )
        return FAILED
    try:
        fleet.restart(
            [fleet.Watch(ledger, host, _tell) for host in hosts],
            empty_within=chosen.timeout,
            back_within=chosen.back_within,
        )
    except KeyboardInterrupt:
        complain("Whoever was asked to stop does so when it is empty; the others were left alone.")
        return INTERRUPTED
    print("All bot workers are new.")
    return OK


def reap_room(chosen: argparse.Namespace) -> int:
    """Have ROOM looked after at once, or all that are overdue; says what was found, and done."""
    from greenroom.app.operate import reap
    from greenroom.app.rooms.asked_reaping import AskedReaping
    from greenroom.tasks.celery import app as celery
    from greenroom.tasks.queues import CeleryQueues

    asked = AskedReaping(ledger_of(settings_here()), CeleryQueues(celery))
    told = asked.wait(asked.ask(chosen.room), chosen.timeout)
    if told is None:
        complain(
            "It is asked for, and control has not said yet what came of it; `greenroom workers` lists it if it works."
        )
        return FAILED
    print(reap.as_json(told) if chosen.json else reap.as_text(told, chosen.room))
    return OK


def _tell(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S}  {line}", flush=True)


def drain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "host", type=word, metavar="WORKER", help="as `greenroom workers` names it, or its machine's name"
    )
    parser.add_argument("--undo", action="store_true", help="let it take launches again")
    seconds_argument(parser, "--timeout", 600, "until it should be empty")


def restart_arguments(parser: argparse.ArgumentParser) -> None:
    seconds_argument(parser, "--timeout", 600, "until a worker should be empty")
    seconds_argument(parser, "--back-within", 120, "until its supervisor should have started it again")


def reap_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("room", nargs="?", type=room, metavar="ROOM", help="that room, overdue or not")
    seconds_argument(parser, "--timeout", 10, "until control should have answered")
    json_argument(parser)
