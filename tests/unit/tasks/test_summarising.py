"""The task that sums a conversation up: what fails is tried again, and given up at last."""

from types import SimpleNamespace

import pytest
from celery.exceptions import Retry

from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.summarising import NotWritten
from greenroom.tasks import summarising
from greenroom.tasks.parts import SummaryParts


class Away:
    """A store that cannot be had."""

    def __init__(self, error):
        self.error = error

    def talk(self, *_):
        raise self.error


@pytest.mark.parametrize("error", [DatabaseAway(), NotWritten("APITimeoutError")])
def test_a_failure_is_tried_again_later_and_at_last_given_up(error, monkeypatch):
    task, again = summarising.summarise_conversation, []
    monkeypatch.setattr(summarising, "summarising", lambda: SummaryParts(Away(error), None))
    monkeypatch.setattr(task, "retry", lambda countdown: again.append(countdown) or Retry())

    for tries in range(len(summarising.AGAIN_AFTER) + 1):
        task.push_request(retries=tries)
        try:
            task.run("main", "here")
        except Retry:
            pass
        finally:
            task.pop_request()

    assert again == list(summarising.AGAIN_AFTER)


class Lacking:
    """A store in which conversations have no summary."""

    def __init__(self):
        self.asked = []

    def lacking(self, from_ms, to_ms):
        self.asked.append((from_ms, to_ms))
        return [("main", "here"), ("acme", "there")]


def test_what_nobody_does_any_more_is_sent_again(monkeypatch, ledger):
    """A control process was killed with the task, or the queue was lost."""
    store, sent = Lacking(), []
    monkeypatch.setattr(summarising, "summarising", lambda: SummaryParts(store, None))
    monkeypatch.setattr(summarising, "upkeep", lambda: SimpleNamespace(ledger=ledger))
    monkeypatch.setattr(summarising.app, "send_task", lambda *task, **_: sent.append(task))

    summarising.summarise_lost()

    assert sent == [("conversations.summarise", which) for which in (("main", "here"), ("acme", "there"))]
    ((from_ms, to_ms),) = store.asked
    assert from_ms < to_ms < ledger.run(Now())
