"""Who may reach the API through a browser, and what a browser may do with its answers."""

import pytest

from greenroom.app.api.headers import LOCAL_PORTS, allows_origin, answers_for
from greenroom.app.settings import SettingsError, read
from tests.rigs.api import problem, routes

HERE = "http://localhost:5173"
ELSEWHERE = "https://elsewhere.example.com"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def settings_with(**given):
    return read({name.upper(): value for name, value in given.items()})


# Which host


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:7077",
        "LOCALHOST.",
        "a.localhost:7077",
        "127.0.0.1:7077",
        "[::1]:7077",
        "192.0.2.7",
    ],
)
def test_addresses_and_the_machine_s_own_names_are_answered_for(host):
    assert answers_for(settings_with(), host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com", "evil.example.com:7077", "localhost.example.com", "127.0.0.1.example.com", "localhost@evil",
        "localhost/evil", "", "localhost:70777777", "a b", "[localhost]", "[::1", "ev*l",
    ],
)  # fmt: skip
def test_a_name_that_may_lead_here_by_rebinding_is_not_answered_for(host):
    assert not answers_for(settings_with(), host)


def test_a_name_that_is_given_is_answered_for_and_its_neighbours_are_not():
    given = settings_with(allowed_hosts="green.example.com, *.green.example.net")

    assert answers_for(given, "green.example.com") and answers_for(given, "a.green.example.net:443")
    assert not answers_for(given, "a.green.example.com")
    assert not answers_for(given, "green.example.net")
    assert not answers_for(given, "evilgreen.example.net")
    assert answers_for(settings_with(allowed_hosts="*"), "whatever.example.com")


def test_a_request_for_another_host_is_refused_whatever_it_shows(caller):
    refused = caller.get("/sessions", headers={"Host": "evil.example.com"})

    problem(refused, 421, "unknown-host")
    assert caller.get("/talk", headers={"Host": "evil.example.com"}).status_code == 421


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_load_balancer_asks_by_any_name(caller, path):
    assert caller.get(path, headers={"Host": "10-0-0-7.pods.internal"}).status_code in (200, 503)


# Which pages


def test_development_pages_on_this_machine_may_call_a_laptop_and_nothing_else():
    laptop, server = settings_with(), settings_with(host="0.0.0.0")

    for port in LOCAL_PORTS:
        assert allows_origin(laptop, f"http://localhost:{port}")
        assert not allows_origin(server, f"http://localhost:{port}")
    for origin in (ELSEWHERE, "http://localhost:9999", "null", "", "http://localhost:5173.example.com"):
        assert not allows_origin(laptop, origin)


def test_pages_that_are_named_may_call_and_no_others():
    given = settings_with(allowed_origins=f"{ELSEWHERE}, http://localhost:1234")

    assert allows_origin(given, ELSEWHERE)
    assert not allows_origin(given, HERE)
    assert not allows_origin(given, ELSEWHERE + ".evil.example")
    assert allows_origin(settings_with(allowed_origins="*"), "https://any.example.com")


@pytest.mark.parametrize("name", ["allowed_hosts", "allowed_origins"])
@pytest.mark.parametrize(
    "value", ["https://a.example.com/path", "a b", "*.*", "http://", "https://*.example.com"]
)
def test_what_is_no_host_or_origin_is_refused_at_the_start(name, value):
    with pytest.raises(SettingsError):
        settings_with(**{name: value})


@pytest.mark.parametrize("path", ["/join", "/sessions/x/api/offer", "/sessions/x/events", "/leave"])
def test_a_browser_asks_first_without_a_key(caller, path):
    told = caller.with_(None).call("OPTIONS", path, headers={**PREFLIGHT, "Origin": HERE})

    assert (told.status_code, told.data) == (204, b"")
    assert told.headers["Access-Control-Allow-Origin"] == HERE
    assert "authorization" in told.headers["Access-Control-Allow-Headers"].lower()
    assert {"POST", "PATCH"} <= set(told.headers["Access-Control-Allow-Methods"].split(", "))


def test_a_page_of_another_origin_reads_answers_and_refusals_alike(caller):
    for credential, status in ((caller.credential, 202), (None, 401)):
        told = caller.with_(credential).post("/join", {}, headers={"Origin": HERE})

        assert told.status_code == status
        assert told.headers["Access-Control-Allow-Origin"] == HERE
        assert "Origin" in told.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in told.headers


def test_a_page_that_nobody_named_gets_nothing_that_it_may_read(caller):
    asked = caller.with_(None).call("OPTIONS", "/join", headers={**PREFLIGHT, "Origin": ELSEWHERE})
    told = caller.post("/join", {}, headers={"Origin": ELSEWHERE})

    for answer in (asked, told):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]
        assert "Origin" in answer.headers["Vary"]


# What a browser may do with an answer


def test_every_answer_is_kept_where_it_is(app, caller):
    paths = {rule.replace("<path:", "<").split("<")[0] for _, rule in routes(app)} | {
        "/nothing",
        "/talk/none.js",
    }
    for path in sorted(paths):
        for who in (caller, caller.with_(None)):
            answer = who.get(path)

            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            assert answer.headers["Referrer-Policy"] == "no-referrer", path
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path
            assert answer.headers["Cache-Control"] in ("no-store", "no-cache"), path


def test_what_holds_a_token_is_not_stored_anywhere(caller):
    assert caller.post("/join", {}).headers["Cache-Control"] == "no-store"


def test_the_docs_page_runs_no_script_but_its_own(caller):
    policy = caller.get("/docs").headers["Content-Security-Policy"]

    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
