"""POST /join for Daily rooms: the person can go in at once, and nobody else's room is touched."""

import pytest

from greenroom.app.api.services import Services
from greenroom.app.settings import Settings
from tests.fakes import daily_server
from tests.rigs.api import KEY, SIGNS, Caller, problem
from tests.unit.conftest import PERSONALITIES

pytestmark = pytest.mark.usefixtures("staffed")
ROOM = "https://acme.daily.co/standup"


@pytest.fixture
def server():
    with daily_server.running() as running:
        yield running


@pytest.fixture
def caller(app, ledger, launches, server):
    settings = Settings(
        api_key=KEY,
        signing_secret=SIGNS,
        daily_domain="acme.daily.co",
        daily_api_key=server.api_key,
        daily_api_url=server.url,
    )
    services = Services.over(ledger, launches, settings, PERSONALITIES)
    app.extensions["greenroom"] = services
    yield Caller(app.test_client())
    services.providers.by_name["daily"].close()


def join(caller, user_id="ann", room=ROOM):
    return caller.post("/join", {"room_url": room, "user_id": user_id})


def test_the_person_is_let_in_before_the_bot_is_there(caller, server):
    connect = join(caller).json["connect"]

    assert (connect["provider"], connect["url"], connect["room_url"]) == ("daily", ROOM, ROOM)
    assert server.join("standup", connect["room_token"])
    assert server.claims(connect["room_token"])["is_owner"] is False


def test_who_finds_the_bot_gets_a_token_of_their_own_and_asks_daily_nothing(caller, server):
    join(caller)
    asked = len(server.asked)

    response = join(caller, "bob")

    assert response.status_code == 200
    assert server.claims(response.json["connect"]["room_token"])["user_id"] == "bob"
    assert len(server.asked) == asked


def test_a_fresh_room_is_made_where_fresh_rooms_are(caller, server):
    connect = caller.post("/join", {"user_id": "ann"}).json["connect"]

    assert server.join(connect["room_url"].rpartition("/")[2], connect["room_token"])


@pytest.mark.parametrize(
    "room",
    [
        "https://evil.daily.co/standup",
        "https://acme.daily.co.evil.com/standup",
        "http://acme.daily.co/standup",
        "https://acme.daily.co:443/standup",
        "https://acme.daily.co/standup?t=token",
        "https://acme.daily.co/standup/",
        "https://ann@acme.daily.co/standup",
        "https://acme.daily.co/../standup",
    ],
)
def test_a_bot_is_sent_to_rooms_of_our_domain_alone(caller, server, launches, room):
    response = join(caller, room=room)

    assert response.status_code == 422
    assert not launches.asked
    assert server.asked == []


def test_nobody_gets_a_token_with_which_they_would_be_taken_for_a_bot(caller, server):
    problem(join(caller, "bot:standup"), 422, "reserved-name")

    assert server.asked == []


def test_without_daily_a_join_says_so_and_asking_again_finds_the_same_bot(caller, server, launches):
    server.fail("GET /", 403, times=1)

    problem(join(caller), 503, "provider-away")

    assert join(caller).json["reused"] is True
    assert len(launches.asked) == 1
