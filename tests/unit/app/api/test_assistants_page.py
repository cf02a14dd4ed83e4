"""docs/assistants.md: what it tells to type works as it stands there, one after the other."""

import json
import re
import shlex
from pathlib import Path

PAGE = Path(__file__).parents[4] / "docs" / "assistants.md"
COMMAND = re.compile(r"^    curl .*?(?:\n(?=\n|\S)|\Z)", re.MULTILINE | re.DOTALL)
EXPECTED = [
    ("POST", "/join", 202),
    ("POST", "/assistants", 201),
    ("POST", "/join", 202),
    ("POST", "/config", 404),  # no bot is there yet, since no worker runs here
    ("POST", "/sessions/$SESSION/requests/switch", 404),  # the session is the reader's
    ("PATCH", "/users/ann", 200),
    ("POST", "/join", 202),
]


def requests():
    """Method, path and body of each call of curl's on the page."""
    for command in COMMAND.findall(PAGE.read_text()):
        words = shlex.split(command.replace("\\\n", " "))
        (address,) = [word for word in words if word.startswith("http://127.0.0.1:7077/")]
        body = json.loads(words[words.index("-d") + 1])
        yield words[words.index("-X") + 1], address.removeprefix("http://127.0.0.1:7077"), body


def test_the_page_s_calls_are_answered_as_it_says(caller):
    answers = [(method, path, caller.call(method, path, body)) for method, path, body in requests()]

    assert [(method, path, answer.status_code) for method, path, answer in answers] == EXPECTED
    of_reception = answers[2][2].json
    assert (of_reception["persona"], of_reception["session_persistence"]) == ("Pearl", 120)
    assert answers[6][2].json["profile"] == {"email": "ann@example.com"}


def test_the_page_tells_every_field_of_an_assistant(caller):
    told = caller.post("/assistants", {"name": "pearl"}).json
    page = PAGE.read_text()

    fields = {*told, *told["voice_session_config"]} - {"id", "created_at", "updated_at"}
    assert [name for name in fields if name not in page] == []
