"""What a bot's model reads of a conversation that it goes on with, and where that was cut off.

Model providers refuse a conversation with a call of a tool that has no result, or a result without its call.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from greenroom.app.rooms.conversations import ToolCall, ToolStatus, Turn

NO_RESULT = (
    "CUT_OFF: the call broke off before there was a result. What the tool does may have been done, or not."
)
FAULT = "A technical fault interrupted the conversation here, and it goes on now."
BY_THE_WAY = (
    "Do not greet the person again, do not introduce yourself, and do not repeat what they have heard."
)
UNANSWERED = (
    "You had not finished your answer to what the person said last, and they may have heard its beginning."
)
UNTOLD = "You had not told the person what came of the last tool."
UNFINISHED = "You were interrupted in your last answer: what stands above is all that the person heard of it."
NOTHING_OPEN = "The person has heard your last answer as it stands above. Wait for what they say next."

SUMMED_UP = "What was said before in this conversation, in short:"

Messages = list[Any]  # in the shape that pipecat's contexts have


def as_messages(conversation: Sequence[Turn]) -> Messages:
    """A conversation as a model reads it: the result of each call of a tool stands right behind the call.

    In the place of what was summed up stands the summary; in a room of several each person's.
    """
    results = {turn.tool_call_id: turn for turn in _results(conversation)}
    # Of the summaries with each person the last one stays
    summaries = {turn.person: turn for turn in conversation if not turn.is_said}
    messages: Messages = [as_summary(summary.content) for summary in summaries.values()]
    for turn in in_order_of_talk(turn for turn in conversation if turn.is_said and turn.role != "tool"):
        if (summary := summaries.get(turn.person)) and _is_told_in(summary, turn):
            continue
        messages.append(turn.as_message())
        for call in turn.tool_calls:
            result = results.get(call.id) or Turn("", "tool", NO_RESULT, tool_call_id=call.id)
            messages.append(result.as_message())
    return messages


def as_resumed(conversation: Sequence[Turn]) -> Messages:
    """The same for a bot that replaces one which was lost: it is told where that was cut off."""
    messages = as_messages(conversation)
    if messages:
        messages.append({"role": "developer", "content": f"{FAULT} {_where(conversation)} {BY_THE_WAY}"})
    return messages


def as_summary(text: str) -> dict[str, Any]:
    """A summary as a model reads it, in the place of what it tells of; nobody said it."""
    return {"role": "developer", "content": f"{SUMMED_UP} {text}"}


def summary_in(message: Any) -> str | None:
    """The text of what `as_summary` has made; None for any other message."""
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, str) and message.get("role") == "developer" and content.startswith(SUMMED_UP):
        return content.removeprefix(SUMMED_UP).strip()
    return None


def open_calls(conversation: Sequence[Turn]) -> list[tuple[Turn, ToolCall]]:
    """The calls of tools that have no result, each with its turn."""
    settled = {turn.tool_call_id for turn in _results(conversation)}
    return [(turn, call) for turn in conversation for call in turn.tool_calls if call.id not in settled]


def owes_an_answer(conversation: Sequence[Turn]) -> bool:
    """Whether the person waits for an answer, or for the rest of one."""
    last = _last(conversation)
    return last is not None and (last.role != "assistant" or bool(last.tool_calls) or last.interrupted)


def in_order_of_talk(turns: Iterable[Turn]) -> list[Turn]:
    """What a person said stands before the answer to it, and behind the answer that they interrupted with it.

    A speech-to-speech model answers before it has the words that it heard: they come later.  What is typed while the
    bot speaks comes before the interrupted answer, which is known as far as it was heard a moment later.
    """
    talk: list[Turn] = []
    for turn in turns:
        at = len(talk)
        while at and _comes_before(turn, talk[at - 1]):
            at -= 1
        talk.insert(at, turn)
    return talk


def _comes_before(turn: Turn, other: Turn) -> bool:
    if turn.epoch != other.epoch:  # each bot has a clock of its own, and what is late comes from the same bot
        return False
    if turn.role == "user" and other.role != "user":
        return 0 < turn.ended_ms <= other.started_ms
    is_interrupted_by_other = turn.role == "assistant" and turn.interrupted and other.role == "user"
    return is_interrupted_by_other and turn.started_ms < other.started_ms


def _where(conversation: Sequence[Turn]) -> str:
    last = _last(conversation)
    if last is None or last.role == "user":
        return UNANSWERED
    if last.role == "tool" or last.tool_calls:
        return UNTOLD
    return UNFINISHED if last.interrupted else NOTHING_OPEN


def _last(conversation: Sequence[Turn]) -> Turn | None:
    talk = in_order_of_talk(turn for turn in conversation if turn.is_said)
    return talk[-1] if talk else None


def _is_told_in(summary: Turn, turn: Turn) -> bool:
    """A turn that Redis has given no place yet came after it."""
    return summary.sums_up is not None and 0 < turn.sequence <= summary.sums_up.up_to


def _results(conversation: Sequence[Turn]) -> list[Turn]:
    """Of two results of one call the one that came of it counts, and not that it was taken for cut off; it is last."""
    results = [turn for turn in conversation if turn.role == "tool"]
    return sorted(results, key=lambda turn: turn.tool_status is not ToolStatus.CUT_OFF)
