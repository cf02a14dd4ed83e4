"""How a bot failed, as data: its kind decides what becomes of the session, its detail is for people to read.

A failure is found in the bot's process, in its worker's parent or by the reaper.  It travels between them as a small
JSON inside the exception that ends the bot's task, and into the session's history.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from greenroom.app.rooms.sessions import Reason


class FailureKind(StrEnum):
    """In which way a bot failed.  The list is closed: a new way to fail gets a name here first."""

    RAISED = "raised"  # the bot's own code raised an exception
    EXITED = "exited"  # the bot's own code called sys.exit
    NOT_LET_IN = "not_let_in"  # the server of its room is away, or refuses it
    LINE_LOST = "line_lost"  # it was in its room, and its connection to the room's server broke
    NOT_READY = "not_ready"  # it was to take a session over, and could not start
    HELPER_ENDED = (
        "helper_ended"  # a task of ours beside it ended: its heartbeat, its inbox, what writes its turns
    )
    PROCESS_DIED = "process_died"  # its process was killed, crashed, or was ended by a watchdog
    WORKER_DIED = "worker_died"  # its worker was started again under the same name, without it
    NOT_HEARD = "not_heard"  # its heartbeat stopped, and nobody saw why
    UNTOLD = "untold"  # it ended its session, and left while Redis could not be told
    LEFT_ROOM = "left_room"  # the server of its room says that it left, and its heartbeat stopped
    OURS = "ours"  # a defect of Greenroom's own: the worker's log has the traceback


@dataclass(frozen=True)
class BotFailure:
    """One bot's failure.  As text: words that follow "its bot", with the place in the bot's code where it is known."""

    kind: FailureKind
    detail: str  # words that follow "its bot"; it may quote what somebody said
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.detail} ({self.file}:{self.line})" if self.file else self.detail

    def to_json(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    @classmethod
    def from_json(cls, text: str) -> "BotFailure":
        said = json.loads(text)
        return cls(FailureKind(said["kind"]), said["detail"], said.get("file"), said.get("line"))


class BotCrashed(Exception):
    """A bot failed, and its session goes on with another one.

    Its only argument is the failure as JSON, so that it can be pickled on its way to the worker's parent.
    """

    @classmethod
    def of(cls, failure: BotFailure) -> "BotCrashed":
        return cls(failure.to_json())

    @property
    def failure(self) -> BotFailure:
        return BotFailure.from_json(self.args[0])


class EndUnwritten(Exception):
    """A session is over, and nobody could be told because Redis is away.  Its only argument is the Reason's value."""

    @classmethod
    def of(cls, reason: Reason) -> "EndUnwritten":
        return cls(reason.value)

    @property
    def reason(self) -> Reason:
        return Reason(self.args[0])
