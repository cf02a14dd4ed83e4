"""The receiver that stands in docs/events.md works as it stands there."""

import re
import time
from pathlib import Path

import pytest

from greenroom.app.events.webhooks import headers_of

PAGE = (Path(__file__).parents[4] / "docs" / "events.md").read_text()
SECRET = "5b0e2a71d94fc83d6a17e0b2c4f985d3"
BODY = b'{"id": "1-1", "type": "session.live", "session": "s"}'


@pytest.fixture
def receiver():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict = {"__name__": "receiver"}
    exec(code, names)
    return names["app"].test_client()


def post(receiver, body=BODY, *, secret=SECRET, at=None, **changed):
    headers = {**headers_of(secret, "1-1", int(time.time()) if at is None else at, BODY), **changed}
    return receiver.post("/hook", data=body, headers=headers).status_code


def test_it_takes_what_we_send(receiver, capsys):
    assert post(receiver) == 204
    assert capsys.readouterr().out == "session.live s\n"


def test_and_nothing_else(receiver):
    assert post(receiver, secret=SECRET[::-1]) == 401
    assert post(receiver, body=BODY.replace(b"live", b"dead")) == 401
    assert post(receiver, at=int(time.time()) - 600) == 401
    assert post(receiver, **{"webhook-id": "2-2"}) == 401
