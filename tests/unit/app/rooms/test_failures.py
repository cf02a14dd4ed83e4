"""A bot's failure is data: it comes out of a process, and out of JSON, as it went in."""

import pickle

import pytest
from billiard.einfo import ExceptionInfo
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery.utils.serialization import get_pickleable_exception

from greenroom.app.rooms.failures import BotCrashed, BotFailure, EndUnwritten, FailureKind
from greenroom.app.rooms.sessions import Reason
from greenroom.tasks.launches import launch
from greenroom.tasks.worker.pool import ProcessLost
from greenroom.tasks.worker.request import evidence_of

SAID = "raised ValueError: no such key: 'gr\u00fcn'"


def as_its_parent_gets_it(error):
    """An exception on Celery's way out of a bot's process."""
    try:
        raise get_pickleable_exception(error)
    except Exception:
        told = ExceptionInfo()
    return pickle.loads(pickle.dumps(told)).exception


@pytest.mark.parametrize("kind", list(FailureKind))
@pytest.mark.parametrize("place", [(None, None), ("bots/mine.py", 7)])
def test_a_failure_comes_out_of_its_process_as_it_went_in(kind, place):
    failure = BotFailure(kind, SAID, *place)

    assert BotFailure.from_json(failure.to_json()) == failure
    assert evidence_of(as_its_parent_gets_it(BotCrashed.of(failure))) == (failure, None)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_session_that_is_over_comes_out_of_its_process_with_its_reason(reason):
    failure, over = evidence_of(as_its_parent_gets_it(EndUnwritten.of(reason)))

    assert (failure.kind, over) == (FailureKind.UNTOLD, reason)


@pytest.mark.parametrize(
    ("error", "kind", "over"),
    [
        (ProcessLost("was killed by SIGKILL"), FailureKind.PROCESS_DIED, None),
        (WorkerLostError("Worker exited prematurely"), FailureKind.PROCESS_DIED, None),
        (SystemExit(3), FailureKind.PROCESS_DIED, None),
        (TimeLimitExceeded(4), FailureKind.PROCESS_DIED, Reason.MAX_DURATION),
        (ValueError("'BotCrashed'"), FailureKind.OURS, None),
    ],
)
def test_what_else_ends_a_bot_s_task_is_told_by_its_kind(error, kind, over):
    failure, found = evidence_of(error)

    assert (failure.kind, found) == (kind, over)


def test_how_a_process_ended_is_in_its_failure_s_words():
    failure, _ = evidence_of(ProcessLost("was killed by SIGKILL"))

    assert str(failure) == "died with its process, which was killed by SIGKILL"


def test_a_failure_names_its_place_where_it_is_known():
    assert (
        str(BotFailure(FailureKind.RAISED, "raised ValueError", "mine.py", 7))
        == "raised ValueError (mine.py:7)"
    )
    assert str(BotFailure(FailureKind.NOT_HEARD, "was not heard")) == "was not heard"


def test_ends_that_are_expected_are_so_for_celery():
    """It logs a traceback of whatever else a task raises."""
    assert {BotCrashed, EndUnwritten} == set(launch.throws)
