"""Ada's session in a local room, with or without its bot on stage."""

import pytest


@pytest.fixture
def joined(caller):
    """What her join is answered."""
    return caller.post("/join", {"room_url": "local:stage", "user_id": "ada"}).json


@pytest.fixture
def bot(joined, puppet):
    """The session's bot, which reads its inbox when the test says so."""
    return puppet().go_live()


@pytest.fixture
def url(joined):
    return joined["session_url"]
