"""`make chaos`: every scenario against the real product; the last line is one JSON object.

Lanes run at the same time, in processes of their own: those that mostly wait beside those that are busy.
Those that measure seconds come last, alone.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos import scenarios  # noqa: F401 — fills the list
from tests.chaos.scenario import SCENARIOS, Report, Scenario
from tests.chaos.stage import Stage, stage

LAST = "alone"  # the lane whose promises are about seconds: nothing runs beside it
ROOT = Path(__file__).parent.parent.parent
KEPT = ROOT / "var" / "chaos"


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    arguments.add_argument(
        "numbers", nargs="*", metavar="SCENARIO", help="those to run; all if none is named"
    )
    arguments.add_argument("--list", action="store_true", help="say which there are")
    arguments.add_argument("--lane", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if unknown := [number for number in chosen.numbers if number not in SCENARIOS]:
        arguments.error(f"there is no scenario {unknown[0]}; there are {', '.join(SCENARIOS)}")
    picked = [SCENARIOS[number] for number in chosen.numbers or SCENARIOS]
    if chosen.list:
        for each in picked:
            print(f"{each.number:>6}  {each.title}")
        return 0
    if chosen.lane:
        _run_lane([each for each in picked if each.lane == chosen.lane])
        return 0
    return _sum_up(picked, _run_lanes(picked))


def _run_lanes(picked: Sequence[Scenario]) -> list[Report]:
    reports: list[Report] = []

    def follow(lane: str) -> None:
        numbers = [each.number for each in picked if each.lane == lane]
        command = [sys.executable, "-m", "tests.chaos", "--lane", lane, *numbers]
        KEPT.mkdir(parents=True, exist_ok=True)
        with (
            (KEPT / f"{lane}.log").open("w") as log,
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                try:
                    report = Report(**json.loads(line))
                except (ValueError, TypeError):
                    print(line, end="", flush=True)
                    continue
                reports.append(report)
                print(report.line(), flush=True)

    used = {each.lane for each in picked}
    lanes = [threading.Thread(target=follow, args=(lane,)) for lane in sorted(used - {LAST})]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    if LAST in used:
        follow(LAST)
    return reports


def _sum_up(picked: Sequence[Scenario], reports: Sequence[Report]) -> int:
    missing = {each.number for each in picked} - {report.number for report in reports}
    for number in missing:
        print(f"FAIL {number:>6}  did not finish; {KEPT.relative_to(ROOT)} has the log of its lane")
    passed = sum(report.passed for report in reports)
    total = {
        "scenarios": len(picked),
        "passed": passed,
        "doubles": sum(report.doubles for report in reports),
        "lost_turns": sum(report.lost_turns for report in reports),
        "lost_calls": sum(report.lost_calls for report in reports),
        "lost_commands": sum(report.lost_commands for report in reports),
        "detect_p99_ms": _p99([value for report in reports for value in report.detect_ms]),
        "replace_p99_ms": _p99([value for report in reports for value in report.replace_ms]),
    }
    print(json.dumps(total), flush=True)
    return 0 if passed == len(picked) else 1


def _p99(values: Sequence[float]) -> int | None:
    if not values:
        return None
    return round(sorted(values)[min(len(values) - 1, int(len(values) * 0.99))])


def _run_lane(picked: Sequence[Scenario]) -> None:
    """Run these one after the other, on one product as long as it stays whole."""
    with contextlib.ExitStack() as standing:
        shared: Stage | None = None
        for each in picked:
            try:
                if each.own:
                    with stage(hosts=each.hosts, **each.settings) as own:
                        _tell(each, own)
                    continue
                if shared is None:
                    shared = standing.enter_context(stage())
                if not _tell(each, shared):
                    standing.close()  # the next one must not suffer from what this one left
                    shared = None
            except Exception as error:
                report = Report(
                    each.number, each.title, faults=[f"its product did not start or stop: {error!r}"]
                )
                print(json.dumps(asdict(report)), flush=True)


def _tell(each: Scenario, on: Stage) -> bool:
    """Run one and print its report; whether its product may be used again."""
    report = asyncio.run(each.run(on))
    print(json.dumps(asdict(report)), flush=True)
    if not report.passed:
        _keep_logs(each, on)
        return False
    if each.own:
        return True
    try:
        on.links.mend()
        on.empty()
        return on.is_whole()
    except Exception:
        return False


def _keep_logs(each: Scenario, on: Stage) -> None:
    """The product's logs of a scenario that failed, in var/chaos."""
    kept = KEPT / each.number
    kept.mkdir(parents=True, exist_ok=True)
    for log in on.folder.glob("*.log"):
        (kept / log.name).write_bytes(log.read_bytes())
    print(f"          the logs of {each.number} are in {kept.relative_to(ROOT)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
