"""Crowds at the door."""

import asyncio
import json
import time
from collections import Counter

from tests.chaos.lab import Lab
from tests.chaos.play import call
from tests.chaos.scenario import Report, scenario
from tests.rigs.product import KEY

CROWD = 1_000
CALLERS = 100  # connections at once
SETTLED_WITHIN = 65  # seconds: a minute, and the reaper's next round


@scenario(15, f"{CROWD:,} concurrent joins of one room, and of {CROWD:,} rooms", lane="alone", own=True)
async def crowds(lab: Lab, report: Report, crowd: int = CROWD) -> None:
    one, took = await _join_all(lab, ["local:everybody"] * crowd)
    sessions = {answer["session_id"] for _, answer in one if "session_id" in answer}
    report.facts["one room"] = f"{Counter(status for status, _ in one)} in {took:.1f} s".replace(
        "Counter", ""
    )
    report.must(len(sessions) == 1, f"{len(sessions)} sessions for one room")
    report.must(all(status < 300 for status, _ in one), "a join of the one room was refused")
    await asyncio.to_thread(lab.leave, "local:everybody")

    many, took = await _join_all(lab, [f"local:crowd-{number}" for number in range(crowd)])
    accepted = {answer["session_id"]: answer["room_url"] for _, answer in many if "session_id" in answer}
    report.facts["many rooms"] = f"{Counter(status for status, _ in many)} in {took:.1f} s".replace(
        "Counter", ""
    )
    report.must(len(accepted) == sum(status < 300 for status, _ in many), "two rooms have one session")
    report.must(
        all(status in (202, 503) for status, _ in many), "a join was answered otherwise than 202 or 503"
    )
    report.must(len(accepted) == crowd, f"only {len(accepted)} of {crowd} joins were accepted")
    outcomes = await asyncio.to_thread(_settle, lab, accepted)
    report.facts["became"] = dict(Counter(outcomes.values()))
    undecided = [each for each in accepted if each not in outcomes]
    report.must(not undecided, f"{len(undecided)} accepted sessions were undecided after a minute")
    async with call(lab, report, "after-the-crowd"):
        pass


async def _join_all(lab: Lab, rooms: list[str]) -> tuple[list[tuple[int, dict[str, str]]], float]:
    """All joins at once, over kept connections; (status, answer) of each, and how long it took."""
    left = list(rooms)
    answers: list[tuple[int, dict[str, str]]] = []

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
        while left:
            body = json.dumps({"room_url": left.pop(), "bot": "quiet"}).encode()
            writer.write(
                f"POST /join HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            answers.append((int(head[9:12]), json.loads(await reader.readexactly(length))))
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return answers, time.monotonic() - began


def _settle(lab: Lab, accepted: dict[str, str]) -> dict[str, str]:
    """What became of each session within a minute.  Those that are live leave, so that others come to play."""
    outcomes: dict[str, str] = {}
    until = time.monotonic() + SETTLED_WITHIN
    while len(outcomes) < len(accepted) and time.monotonic() < until:
        for session_id, room in accepted.items():
            if session_id in outcomes:
                continue
            session = lab.session(session_id)
            if session["state"] == "ended":
                outcomes[session_id] = session["reason"] or "without a reason"
            elif session["state"] in ("live", "waiting"):
                outcomes[session_id] = "live"
                lab.leave(room)
        time.sleep(1)
    return outcomes
