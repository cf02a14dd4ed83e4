"""A conversation as text: as subtitles (WebVTT), and as the script of a play."""

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

from greenroom.app.rooms.conversations import ToolCall, Turn
from greenroom.app.rooms.reading import Conversation, Told

INTERRUPTED = "(interrupted)"
NOT_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
NARROWEST = 40  # columns
MS_A_CHARACTER, SHORTEST_MS, LONGEST_MS = (
    60,
    1500,
    7000,
)  # that a typed line is shown, as people read subtitles


def as_vtt(told: Told) -> str:
    """What was said, each turn a cue at its time from the conversation's beginning.  Tools say nothing."""
    conversation = told.conversation
    parts = ["WEBVTT"]
    for turn in told.turns:
        if turn.role == "tool" or not turn.content.strip():
            continue
        starts = max(turn.started_ms - conversation.started_ms, 0)
        ends = max(turn.ended_ms - conversation.started_ms, starts + _shown_ms(turn))
        said = _for_vtt(turn.content) + (f" {INTERRUPTED}" if turn.interrupted else "")
        speaker = _for_vtt(speaker_of(turn, conversation))
        parts.append(f"{turn.sequence}\n{_clock(starts)} --> {_clock(ends)}\n<v {speaker}>{said}</v>")
    return "\n\n".join(parts) + "\n"


def _shown_ms(turn: Turn) -> int:
    """At least: a line that was typed takes no time, and is to be read."""
    if turn.ended_ms > turn.started_ms:
        return 1
    return min(max(MS_A_CHARACTER * len(turn.content), SHORTEST_MS), LONGEST_MS)


def as_script(told: Told, width: int | None = None) -> str:
    """Who said what when, and what the bot's tools did; lines of up to `width` columns where that is named."""
    parts = [_heading(told.conversation), ""]
    names = {call.id: call.name for turn in told.turns for call in turn.tool_calls}
    for turn in told.turns:
        at = _clock(max(turn.started_ms - told.conversation.started_ms, 0), with_ms=False)
        parts += [_wrapped(f"{at}  {line}", len(at) + 2, width) for line in _lines(turn, told, names)]
    if not told.turns:
        parts.append("Nothing was said.")
    return "\n".join(parts) + "\n"


def speaker_of(turn: Turn, conversation: Conversation) -> str:
    """By what name somebody who reads knows who said it."""
    if turn.role == "user":
        return turn.person or conversation.user_id or "user"
    return conversation.assistant or turn.role


def clean(text: str) -> str:
    """Without what would do something to a terminal, or end a line where none ends."""
    return NOT_IN_TEXT.sub("\ufffd", text.replace("\r\n", "\n"))


def _heading(conversation: Conversation) -> str:
    began = datetime.fromtimestamp(conversation.started_ms / 1000, UTC)
    parts = [
        f"Conversation {clean(conversation.id)}",
        f"with {clean(conversation.user_id)}" if conversation.user_id else "",
        f"in {clean(conversation.room)}" if conversation.room else "",
        f"{began:%Y-%m-%d %H:%M:%S} UTC",
    ]
    return "\n".join(filter(None, parts))


def _lines(turn: Turn, told: Told, names: dict[str, str]) -> Iterator[str]:
    speaker = clean(speaker_of(turn, told.conversation))
    if turn.role == "tool":
        name = names.get(turn.tool_call_id or "", "a tool")
        how = f" ({turn.tool_status.value})" if turn.tool_status else ""
        yield f"[{clean(name)}{how}: {_one_line(turn.content)}]"
        return
    if turn.content or not turn.tool_calls:
        yield f"{speaker}: {_one_line(turn.content)}" + (f" {INTERRUPTED}" if turn.interrupted else "")
    yield from (f"[{speaker} calls {_call(call)}]" for call in turn.tool_calls)


def _call(call: ToolCall) -> str:
    return f"{clean(call.name)} {_one_line(call.arguments)}"


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())


def _wrapped(line: str, indent: int, width: int | None) -> str:
    if width is None:
        return line
    return textwrap.fill(line, max(width, NARROWEST), subsequent_indent=" " * indent, break_on_hyphens=False)


def _for_vtt(text: str) -> str:
    """A cue's text: its own marks are escaped, and no empty line ends it early."""
    lines = (" ".join(line.split()) for line in clean(text).split("\n"))
    plain = "\n".join(filter(None, lines))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(ms: int, *, with_ms: bool = True) -> str:
    seconds, rest = divmod(ms, 1000)
    told = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{told}.{rest:03}" if with_ms else told
