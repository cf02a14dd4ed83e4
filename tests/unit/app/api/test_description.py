"""/openapi.json is the inventory: what is there is described, and what is described is there."""

import json

import pytest
from flask import Flask

from greenroom.app.api.application import register
from greenroom.app.api.services import Services
from tests.fakes.launches import RememberedLaunches
from tests.rigs.api import routes

FOR_PEOPLE = ("/docs", "/talk", "/vendor", "/openapi.json")


@pytest.fixture
def description(caller):
    return caller.with_(None).get("/openapi.json").json


def described(description):
    return {
        (method.upper(), path)
        for path, item in description["paths"].items()
        for method in item
        if method != "parameters"
    }


def operations(description):
    return [
        operation
        for item in description["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]


def answering(app):
    """The routes for machines, as OpenAPI writes them."""
    return {
        (method, rule.replace("<path:", "<").replace("<", "{").replace(">", "}"))
        for method, rule in routes(app)
        if method != "OPTIONS" and rule != "/" and not rule.startswith(FOR_PEOPLE)
    }


def test_every_route_is_described_and_every_description_is_a_route(app, description):
    assert described(description) == answering(app)


def test_a_route_without_a_description_would_be_found(settings, ledger):
    app = Flask("app", static_folder=None)
    register(app, Services.over(ledger, RememberedLaunches(), settings, ("host",)))
    app.add_url_rule("/new", "new", lambda: "new")

    assert ("GET", "/new") in answering(app)


def test_every_operation_says_what_it_does_and_what_errors_look_like(description):
    for operation in operations(description):
        assert operation["summary"]
        assert any(code.startswith("2") for code in operation["responses"])
        assert "default" in operation["responses"], operation["summary"]


def test_the_description_says_that_a_key_is_needed(description):
    assert description["openapi"].startswith("3.")
    assert description["security"] == [{"key": []}]
    assert description["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_the_description_says_what_needs_no_key_and_what_takes_a_session_s_token(description):
    needs = description["paths"]

    for path in ("/livez", "/readyz"):
        assert needs[path]["get"]["security"] == []
    for path in ("/webhooks/livekit", "/webhooks/daily"):
        assert needs[path]["post"]["security"] == []
    assert needs["/leave"]["post"]["security"] == [{"key": []}, {"session": []}]
    assert needs["/join"]["post"]["security"] == [{"key": []}, {"pass": []}, {"resume": []}]
    for path in ("/passes", "/sessions/{session_id}/token"):
        assert needs[path]["post"]["security"] == [{"key": []}, {"pass": []}]
    assert "security" not in needs["/config"]["post"]


def test_errors_are_described_as_what_they_are(description):
    for response in description["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]


def test_patterns_are_spelled_as_every_reader_of_json_schema_has_them(description):
    """Python's end of a text is the letter Z to others."""
    assert "\\\\Z" not in json.dumps(description)


def test_what_may_be_null_is_said_to_be(description):
    session = description["components"]["schemas"]["Session"]["properties"]

    for name in ("persona", "voice", "reason", "host", "position"):
        assert session[name]["nullable"] is True


def test_what_is_sent_is_described_field_by_field(description):
    order = description["components"]["schemas"]["Join"]["properties"]

    assert set(order) == {
        "room_url", "user_id", "user_name", "stealth", "bot", "personality", "persona", "voice", "mode",
        "session_persistence", "max_duration", "silence", "metadata", "language", "assistant", "conversation_id",
        "instructions", "prompts", "voice_parameters", "memory", "profile", "resume_token",
    }  # fmt: skip


def test_every_reference_leads_somewhere(description):
    schemas = description["components"]["schemas"]
    responses = description["components"].get("responses", {})

    def walk(part):
        if isinstance(part, dict):
            reference = part.get("$ref")
            if reference:
                kind, name = reference.split("/")[-2:]
                assert name in {"schemas": schemas, "responses": responses}[kind], reference
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(description)


def test_the_page_for_people_fetches_nothing_from_elsewhere(caller):
    page = caller.with_(None).get("/docs")

    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    for part in ("/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"):
        assert part in page.text
        assert caller.with_(None).get(part).status_code == 200


def test_the_docs_page_can_read_the_description(caller):
    """The bundled Swagger UI, 4.15, renders nothing but an error for 3.1."""
    assert caller.get("/openapi.json").json["openapi"].startswith("3.0.")
