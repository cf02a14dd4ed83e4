"""`greenroom webhooks`: how far behind a receiver is, in words."""

import pytest

from greenroom.app.cli_webhooks import standing
from greenroom.app.rooms.letters import Waiting


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        (Waiting(0, 0, 0, 0), "it has taken all events"),
        (
            Waiting(1, 5, 2, 3),
            "events of 1 session wait for it; 2 events not taken within a day, 3 dropped, since too many waited",
        ),
    ],
)
def test_how_far_behind_a_receiver_is_takes_no_glossary_to_read(waiting, words):
    assert standing(waiting) == words
