"""Whatever is sent: never a 5xx, and every refusal is a problem in a sentence."""

import json
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenroom.app.api.schemas.admin import AdminSchema
from greenroom.app.api.schemas.assistants import AssistantChangesSchema, AssistantSchema
from greenroom.app.api.schemas.joining import JoinSchema, LeaveSchema
from greenroom.app.api.schemas.offers import CandidatesSchema, OfferSchema
from greenroom.app.api.schemas.rooms import ConfigSchema
from greenroom.app.api.schemas.users import UserSchema

SCHEMAS = {
    ("POST", "/join"): JoinSchema,
    ("POST", "/leave"): LeaveSchema,
    ("POST", "/config"): ConfigSchema,
    ("POST", "/admin"): AdminSchema,
    ("POST", "/assistants"): AssistantSchema,
    ("PUT", "/assistants/x"): AssistantSchema,
    ("PATCH", "/assistants/x"): AssistantChangesSchema,
    ("PUT", "/users/x"): UserSchema,
    ("PATCH", "/users/x"): UserSchema,
    ("POST", "/sessions/x/api/offer"): OfferSchema,
    ("PATCH", "/sessions/x/api/offer"): CandidatesSchema,
}
TEXT = st.text(st.characters(), max_size=70) | st.sampled_from(
    ["local:stage", "offer", "voice", "en", "host", "x"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(TEXT, parts, max_size=3),
    max_leaves=8,
)
OFTEN = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def bodies(schema):
    """Objects with some of the fields that are known, and sometimes another."""
    names = st.sampled_from(sorted(schema().fields)) | TEXT
    return st.dictionaries(names, VALUES, max_size=5)


ROUTES = st.sampled_from(sorted(SCHEMAS)).flatmap(
    lambda route: st.tuples(st.just(route), bodies(SCHEMAS[route]))
)


def assert_it_is_an_answer(response):
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert response.mimetype == "application/problem+json"
        said = json.loads(response.text)
        assert said["detail"].strip()
        assert "Traceback" not in response.text


@OFTEN
@given(ROUTES)
def test_any_json_gets_an_answer(caller, sent):
    (method, path), body = sent

    assert_it_is_an_answer(caller.call(method, path, body))


@OFTEN
@given(st.sampled_from(sorted(SCHEMAS)), st.binary(max_size=200))
def test_any_bytes_get_an_answer(caller, route, body):
    method, path = route

    assert_it_is_an_answer(caller.call(method, path, data=body, content_type="application/json"))


@OFTEN
@given(
    st.sampled_from(
        [
            "/rooms/",
            "/sessions/",
            "/assistants/",
            "/conversations/",
            "/conversations",
            "/talk/",
            "/docs/",
            "/",
        ]
    ),
    TEXT,
    TEXT,
)
def test_any_path_and_query_get_an_answer(caller, folder, name, query):
    path = folder + quote(name, errors="surrogatepass") + "?wait=" + quote(query, errors="surrogatepass")

    assert_it_is_an_answer(caller.get(path))


@OFTEN
@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=80))
def test_any_header_gets_an_answer(caller, value):
    for name in ("Authorization", "Last-Event-ID", "Accept", "Content-Type"):
        assert_it_is_an_answer(caller.get("/sessions/x/events", headers={name: value}))
