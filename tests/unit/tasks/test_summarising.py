"""The task that sums a conversation up: what fails is tried again, and given up at last."""

import pytest
from celery.exceptions import Retry

from greenroom.app.errors import DatabaseAway
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
