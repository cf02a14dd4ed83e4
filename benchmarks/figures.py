"""Write the table of docs/figures.md anew from what the benchmarks say.

    make figures                      all of them, one after the other: about twenty minutes
    make figures ARGS="join api"      these; the other rows stay as they are
    make figures ARGS=--kept          none: only the table, from the lines that are kept

The last line of each benchmark is kept in docs/figures.jsonl, with its date, machine and load, and the table is made
of those lines alone.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE, KEPT = ROOT / "docs/figures.md", ROOT / "docs/figures.jsonl"
BEGIN, END = "<!-- made by `make figures` -->\n", "<!-- until here -->\n"
HEAD = "| | Greenroom | compared with | | load | measured |\n| --- | --- | --- | --- | --- | --- |\n"
ENDS_WITHIN = 600  # seconds: one that takes longer is stuck, and the others shall have their turn
STOPS_WITHIN = 30  # seconds, for one that is interrupted to stop the product that it has started


class Row(NamedTuple):
    """A row of the table: each cell is filled from the fields of a benchmark's line."""

    what: str
    ours: str
    peer: str
    ratio: str


class Figure(NamedTuple):
    """What one benchmark is run with so that all of them take twenty minutes, and the rows that show its line."""

    arguments: tuple[str, ...]
    rows: tuple[Row, ...]


FIGURES: Mapping[str, Figure] = {
    "join": Figure(
        (),
        (
            Row(
                "from `POST /join` to the bot's pipeline started",
                "{ours:,.1f} ms (p99 {p99:,.1f})",
                "a process a bot: {peer:,.0f} ms",
                "{ratio:.0f} times",
            ),
        ),
    ),
    "reconnect": Figure(
        (),
        (
            Row(
                "from a person's return to their bot's hearing them",
                "{ours:,.0f} ms (p99 {p99:,.0f})",
                "{peer_name}: {peer:,.0f} ms",
                "{ratio:.0f} times",
            ),
        ),
    ),
    "move": Figure(
        (),
        (
            Row(
                "a bot goes from one LiveKit room to another, from the request to its track there",
                "{ours:,.0f} ms (p99 {p99:,.0f}), {silence_p50:,.0f} ms of silence for who hears both",
                "{peer_name}: {peer:,.0f} ms, {peer_silence_p50:,.0f} ms of silence",
                "{ratio:.0f} times",
            ),
        ),
    ),
    "api": Figure(
        (),
        (
            Row(
                "accepted joins, with key, quotas, validation, session and launch",
                "{ours:,.0f}/s (p99 {p99:,.0f} ms)",
                "a bare Flask view with the same script and one publish: {peer:,.0f}/s",
                "{ratio:.2f}",
            ),
            Row(
                "joins that find their bot",
                "{found:,.0f}/s (p99 {found_p99:,.0f} ms)",
                "the same view: {found_peer:,.0f}/s",
                "{found_ratio:.2f}",
            ),
        ),
    ),
    "assistants": Figure(
        (),
        (
            Row(
                "accepted joins that name an assistant, of 50 that are kept in SQL",
                "{ours:,.0f}/s (p99 {p99:,.0f} ms)",
                "{peer_name}: {peer:,.0f}/s (p99 {peer_p99:,.0f} ms)",
                "{ratio:.2f}",
            ),
        ),
    ),
    "livekit-join": Figure(
        (),
        (
            Row(
                "from `POST /join` to the bot's track in a LiveKit room",
                "{ours:,.0f} ms (p99 {p99:,.0f})",
                "{peer_name}: {peer:,.0f} ms; {least_of_peer_name}: {least_of_peer:,.0f} ms",
                "{ratio:.1f} and {ratio_to_least:.1f} times",
            ),
        ),
    ),
    "livekit-memory": Figure(
        (),
        (
            Row(
                "a bot's process in a LiveKit room, all it needs to talk loaded",
                "{ours:,.0f} MB (PSS)",
                "{peer_name}: {peer:,.0f} MB",
                "{ratio:.2f} times",
            ),
        ),
    ),
    "memory": Figure(
        (),
        (
            Row(
                "a further bot in a room, voice detection and turn model loaded",
                "{ours:,.0f} MB (PSS)",
                "{peer_name}: {peer:,.0f} MB",
                "{ratio:.1f} times",
            ),
        ),
    ),
    "idle": Figure(
        (),
        (
            Row(
                "a bot with which nobody talks, in a local room",
                "{local_waiting:.2f} % of a core while it waits, {local_paused:.2f} % while it is paused",
                "the limit that we set ourselves: {peer:.1f} %",
                "",
            ),
            Row(
                "the same in a LiveKit room, where LiveKit's client goes on encoding silence",
                "{livekit_waiting:.2f} % and {livekit_paused:.2f} %",
                "the same limit",
                "{ratio:.2f} times",
            ),
            Row(
                "{bots} bots that wait at once, on one worker",
                "{bots_share:.2f} % of a core and {bots_mb:.0f} MB each; "
                "{bots_all_share:.0f} % and {bots_all_mb:,.0f} MB in all",
                "",
                "",
            ),
        ),
    ),
    "cpu": Figure(
        (),
        (
            Row(
                "a bot in a room over WebRTC, heard a quarter of the time",
                "{ours:.1f} % of a core",
                "stock settings: {peer:.1f} %",
                "{ratio:.2f} times",
            ),
            Row(
                "the same without the transport",
                "{ours_without_transport:.1f} %",
                "{peer_without_transport:.1f} %",
                "{ratio_without_transport:.2f} times",
            ),
        ),
    ),
    "voice": Figure(
        (),
        (
            Row(
                "from the end of a question to the first sound of the demo's answer; {recognition:,.0f} ms to hear it",
                "{ours:,.0f} ms (p99 {p99:,.0f})",
                "{peer_name}: {peer:,.0f} ms (p99 {peer_p99:,.0f})",
                "{ratio:.2f} times",
            ),
        ),
    ),
    "ears": Figure(
        (),
        (
            Row(
                "of {words:,} words, said by people and by the demo's voices, those that the demo mishears",
                "{ours:.1f} %; a sentence takes {took_p50:,.0f} ms (p99 {took_p99:,.0f})",
                "{peer_name}: {peer:.1f} %",
                "{ratio:.1f} times",
            ),
        ),
    ),
    "turns": Figure(
        (),
        (
            Row(
                "that the voice waits until a turn is on its way to Redis and SQL",
                "{ours:.3f} ms (p99 {p99:.3f})",
                "{peer_name}: {peer:.2f} ms; a commit to SQLite there: {sql:.1f} ms",
                "{ratio:.0f} and {ratio_to_sql:.0f} times",
            ),
        ),
    ),
    "reaper": Figure(
        (),
        (
            Row(
                "a pass of the reaper over {rooms:,} rooms with live bots",
                "{ours:,.1f} ms (p99 {p99:,.1f})",
                "{peer_name}: {peer:,.0f} ms",
                "{ratio:,.0f} times",
            ),
        ),
    ),
    "commands": Figure(
        ("--commands", "20000"),
        (
            Row(
                "{unit} commands to bots, while connections to Redis were cut {cuts:,} times",
                "{ours:.0f}, {doubled:.0f} done twice; {p50:,.0f} ms (p99 {p99:,.0f}), {refused:.0f} refused (503)",
                "publish/subscribe over the same connections: {peer:,.0f} lost, {peer_doubled:,.0f} doubled",
                "",
            ),
        ),
    ),
    "flush": Figure(
        ("--turns", "1000", "--rounds", "3"),
        (
            Row(
                "turns from Redis stored in SQL, on disks that are waited for",
                "{sqlite_ours:,.0f}/s in SQLite, {postgresql_ours:,.0f}/s in PostgreSQL",
                "a commit a turn: {sqlite_peer:,.0f}/s and {postgresql_peer:,.0f}/s",
                "{ratio:.0f} times",
            ),
        ),
    ),
    "recall": Figure(
        (),
        (
            Row(
                "what is known of somebody read at a bot's start, with 10,000 earlier conversations",
                "{sqlite_ours:.1f} ms in SQLite (p99 {sqlite_p99:.1f}), "
                "{postgresql_ours:.1f} in PostgreSQL (p99 {postgresql_p99:.1f})",
                "with ten: {sqlite_peer:.1f} and {postgresql_peer:.1f} ms",
                "{ratio:.2f}",
            ),
        ),
    ),
    "beats": Figure(
        ("--beats", "40000"),
        (
            Row(
                "living bots reaped in {beats:,} beats, all cores busy, processes stopped for 4 s",
                "{ours:.0f}",
                "a rule of two missed beats: {peer:,.0f}",
                "",
            ),
        ),
    ),
    "events": Figure(
        (),
        (
            Row(
                "listeners on one events process, from what happens to their sockets; lost over a restart: {lost}",
                "{ours:,.0f} ({p50_ms:,.0f} ms, p99 {p99_ms:,.0f})",
                "a streaming Flask view, a thread each: {peer:,.0f} (p99 {peer_p99_ms:,.0f} ms)",
                "{ratio:.0f} times",
            ),
        ),
    ),
}


def table(lines: Mapping[str, Mapping[str, Any]]) -> str:
    """The rows of the benchmarks in their order; one that was never kept has none."""
    rows = [
        " | ".join(["", *(cell.format_map(line) for cell in row), _load(line), line["date"], ""]).strip()
        for name, figure in FIGURES.items()
        if (line := lines.get(name))
        for row in figure.rows
    ]
    machines = sorted({line["machine"] for line in lines.values()})
    return f"{HEAD}{''.join(row + chr(10) for row in rows)}\nOn: {'; '.join(machines)}.\n"


def _load(line: Mapping[str, Any]) -> str:
    """Of the machine's cores, how many others kept busy meanwhile; lines from before that was measured do not say."""
    return "not known" if line["load"] is None else f"{line['load']:.1f}"


def kept() -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in KEPT.read_text().splitlines()]
    return {line["bench"]: line for line in lines}


def written(page: str, lines: Mapping[str, Mapping[str, Any]]) -> str:
    """The page with its table made anew between the two markers."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{table(lines)}\n{END}{rest.split(END)[1]}"


def run(name: str) -> dict[str, Any]:
    """A benchmark's line.  Raises CalledProcessError or TimeoutExpired."""
    began = time.monotonic()
    made = f"bench-{name}"
    arguments = f"ARGS={' '.join(FIGURES[name].arguments)}"
    said = output(["make", "--no-print-directory", made, arguments], ENDS_WITHIN)
    line: dict[str, Any] = json.loads(said.splitlines()[-1])
    print(f"{made}: {time.monotonic() - began:.0f} s, {said.splitlines()[-1]}", flush=True)
    return line


def output(command: Sequence[str], within: float) -> str:
    """What a command prints.  Raises CalledProcessError or TimeoutExpired.

    One that takes longer is interrupted with all that it has started, so that nothing of it disturbs the next.
    """
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=within)
        except BaseException:
            _signal(process, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=STOPS_WITHIN)
            _signal(process, signal.SIGKILL)
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return said


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def main(arguments: Iterable[str]) -> int:
    lines, failed = kept(), []
    for name in () if "--kept" in arguments else list(arguments) or FIGURES:
        try:
            lines[name] = run(name)
        except (subprocess.SubprocessError, ValueError, IndexError) as error:
            failed.append(name)
            print(f"bench-{name} failed, and its rows stay as they are: {error}", file=sys.stderr)
        KEPT.write_text("".join(json.dumps(lines[each]) + "\n" for each in FIGURES if each in lines))
        PAGE.write_text(written(PAGE.read_text(), lines))
    PAGE.write_text(written(PAGE.read_text(), lines))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
