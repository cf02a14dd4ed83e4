"""`make chaos`: every scenario against the real product, in one round or several; the last line is one JSON object.

Lanes run at the same time, in processes of their own: those that mostly wait beside those that are busy.
Those that measure seconds come last, alone.  The logs of what failed are in var/chaos, by round and scenario.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos import scenarios  # noqa: F401 — fills the list
from tests.chaos.lab import Lab, lab
from tests.chaos.scenario import SCENARIOS, Report, Scenario

LAST = "alone"  # the lane whose promises are about seconds: nothing runs beside it
ROOT = Path(__file__).parent.parent.parent
KEPT = ROOT / "var" / "chaos"


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    arguments.add_argument(
        "numbers", nargs="*", metavar="SCENARIO", help="those to run; all if none is named"
    )
    arguments.add_argument("--rounds", type=int, default=1, help="how often; 1 if it is not said")
    arguments.add_argument("--list", action="store_true", help="say which there are")
    arguments.add_argument("--lane", help=argparse.SUPPRESS)
    arguments.add_argument("--kept", type=Path, default=KEPT, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if unknown := [number for number in chosen.numbers if number not in SCENARIOS]:
        arguments.error(f"there is no scenario {unknown[0]}; there are {', '.join(SCENARIOS)}")
    picked = [SCENARIOS[number] for number in chosen.numbers or SCENARIOS]
    if chosen.list:
        for each in picked:
            print(f"{each.number:>6}  {each.title}")
        return 0
    if chosen.lane:
        _run_lane([each for each in picked if each.lane == chosen.lane], chosen.kept)
        return 0
    shutil.rmtree(KEPT, ignore_errors=True)  # of the last time
    began = time.monotonic()
    rounds = {number: _run_round(picked, number, chosen.rounds) for number in range(1, chosen.rounds + 1)}
    return _sum_up(rounds, time.monotonic() - began)


def _run_round(picked: Sequence[Scenario], number: int, rounds: int) -> list[Report]:
    """Every scenario once; those that did not finish are among the reports as well."""
    if rounds > 1:
        print(f"round {number} of {rounds}", flush=True)
    kept = KEPT / f"round-{number}"
    reports = _run_lanes(picked, kept)
    finished = {report.number for report in reports}
    for each in picked:
        if each.number not in finished:
            log = (kept / f"{each.lane}.log").relative_to(ROOT)
            lost = Report(each.number, each.title, faults=[f"did not finish; {log} is the log of its lane"])
            reports.append(lost)
            print(lost.line(), flush=True)
    return reports


def _run_lanes(picked: Sequence[Scenario], kept: Path) -> list[Report]:
    reports: list[Report] = []
    kept.mkdir(parents=True, exist_ok=True)

    def follow(lane: str) -> None:
        numbers = [each.number for each in picked if each.lane == lane]
        command = [sys.executable, "-m", "tests.chaos", "--lane", lane, "--kept", str(kept), *numbers]
        with (
            (kept / f"{lane}.log").open("w") as log,
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


def _sum_up(rounds: Mapping[int, Sequence[Report]], seconds: float) -> int:
    """Say what failed in which round, and the figures over all of them."""
    reports = [report for played in rounds.values() for report in played]
    failed = [(number, report) for number, played in rounds.items() for report in played if not report.passed]
    if len(rounds) > 1:
        for number, report in failed:
            print(f"round {number}: {report.number} failed: {'; '.join(report.faults)}")
    total = {
        "rounds": len(rounds),
        "scenarios": len(reports),
        "passed": len(reports) - len(failed),
        "failed": sorted({report.number for _, report in failed}),
        "calls": sum(report.calls for report in reports),
        "doubles": sum(report.doubles for report in reports),
        "lost_turns": sum(report.lost_turns for report in reports),
        "lost_calls": sum(report.lost_calls for report in reports),
        "lost_commands": sum(report.lost_commands for report in reports),
        "detect_p99_ms": _p99([value for report in reports for value in report.detect_ms]),
        "replace_p99_ms": _p99([value for report in reports for value in report.replace_ms]),
        "seconds": round(seconds),
    }
    print(json.dumps(total), flush=True)
    return 1 if failed else 0


def _p99(values: Sequence[float]) -> int | None:
    if not values:
        return None
    return round(sorted(values)[min(len(values) - 1, int(len(values) * 0.99))])


def _run_lane(picked: Sequence[Scenario], kept: Path) -> None:
    """Run these one after the other, on one product as long as it stays whole."""
    with contextlib.ExitStack() as standing:
        shared: Lab | None = None
        for each in picked:
            try:
                if each.own:
                    with lab(livekit=each.livekit, hosts=each.hosts, **each.settings) as own:
                        _tell(each, own, kept)
                    continue
                if shared is None:
                    shared = standing.enter_context(lab(livekit=each.livekit))  # as all of its lane
                if not _tell(each, shared, kept):
                    standing.close()  # the next one must not suffer from what this one left
                    shared = None
            except Exception as error:
                report = Report(
                    each.number, each.title, faults=[f"its product did not start or stop: {error!r}"]
                )
                print(json.dumps(asdict(report)), flush=True)


def _tell(each: Scenario, on: Lab, kept: Path) -> bool:
    """Run one and print its report; whether its product may be used again."""
    report = asyncio.run(each.run(on))
    print(json.dumps(asdict(report)), flush=True)
    if not report.passed:
        _keep_logs(each, on, kept / each.number)
        return False
    if each.own:
        return True
    try:
        on.links.mend()
        on.empty()
        return on.is_whole()
    except Exception:
        return False


def _keep_logs(each: Scenario, on: Lab, kept: Path) -> None:
    """The product's logs of a scenario that failed, and the diaries of those who were in its calls."""
    kept.mkdir(parents=True, exist_ok=True)
    for log in on.folder.glob("*.log"):
        (kept / log.name).write_bytes(log.read_bytes())
    if on.livekit is not None:
        (kept / "livekit.log").write_text(on.livekit.log())
    print(f"          the logs of {each.number} are in {kept.relative_to(ROOT)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
