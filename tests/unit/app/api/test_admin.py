"""POST /admin: who may, what comes back, and what cannot be done."""

import pytest

from greenroom.app.api import admin
from greenroom.app.rooms.sessions import State
from tests.rigs.api import problem

pytestmark = pytest.mark.usefixtures("staffed")
ROOM = "local:stage"
IS_MUTED = {"muted": True, "stealth": False, "guided": False, "cut_short": False}


@pytest.fixture
def bot(joined, puppet, ledger):
    bot = puppet().go_live()
    answers = {"direct": IS_MUTED, "say": {"people": 2, "waits": True, "cut_short": False}}
    ledger.meanwhile.append(lambda: bot.obey(answers))
    return bot


@pytest.fixture
def acts(caller):
    return lambda action, **more: caller.post("/admin", {"action": action, **more})


@pytest.mark.parametrize("where", ["room_url", "session_id"])
def test_a_bot_is_made_to_say_something_and_the_admin_is_told_what_it_did(acts, joined, bot, where):
    answer = acts("say", text="Dinner is ready.", **{where: joined[where]})

    assert answer.status_code == 200
    assert answer.json == {
        "action": "say",
        "results": [
            {
                "session_id": joined["session_id"],
                "room_url": ROOM,
                "status": "done",
                "did": {"people": 2, "waits": True, "cut_short": False},
            }
        ],
        "next": None,
    }
    assert bot.heard == [("say", {"text": "Dinner is ready.", "interrupt": False})]


@pytest.mark.parametrize(
    ("action", "fields", "heard"),
    [
        ("say", {"text": "Fire!", "interrupt": True}, ("say", {"text": "Fire!", "interrupt": True})),
        ("instruct", {"text": "Be brief."}, ("direct", {"guidance": "Be brief."})),
        ("instruct", {"text": None}, ("direct", {"guidance": None})),
        ("mute", {}, ("direct", {"muted": True})),
        ("unmute", {}, ("direct", {"muted": None})),
        ("stealth", {}, ("direct", {"stealth": True})),
        ("stealth", {"on": False}, ("direct", {"stealth": None})),
        ("persona", {"persona": "Pearl"}, ("config", {"persona": "Pearl"})),
        (
            "persona",
            {"personality": "gruff", "instructions": None},
            ("config", {"personality": "gruff", "instructions": None}),
        ),
    ],
)
def test_each_action_is_a_request_to_the_bot(acts, bot, action, fields, heard):
    assert acts(action, room_url=ROOM, **fields).status_code == 200
    assert bot.heard == [heard]


def test_all_bots_are_muted_with_a_result_for_each(acts, bot, joined):
    told = acts("mute", all=True).json

    assert [(each["session_id"], each["status"], each["did"]) for each in told["results"]] == [
        (joined["session_id"], "done", IS_MUTED)
    ]
    assert told["next"] is None


def test_of_all_bots_one_that_cannot_says_why(acts, bot, caller):
    other = caller.post("/join", {"room_url": "local:other", "user_id": "ben"}).json

    results = {each["session_id"]: each for each in acts("mute", all=True).json["results"]}

    assert len(results) == 2
    assert results[bot.session.id]["status"] == "done"
    refused = results[other["session_id"]]
    assert (refused["status"], refused["kind"]) == ("refused", "not-on-stage") and refused["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "shout", "room_url": ROOM},
        {"action": "mute"},
        {"action": "mute", "all": False},
        {"action": "mute", "all": True, "room_url": ROOM},
        {"action": "mute", "room_url": ROOM, "text": "quiet"},
        {"action": "say", "room_url": ROOM},
        {"action": "say", "room_url": ROOM, "text": ""},
        {"action": "say", "room_url": ROOM, "text": " \n "},
        {"action": "say", "room_url": ROOM, "text": None},
        {"action": "say", "room_url": ROOM, "text": "x" * 1001},
        {"action": "say", "room_url": ROOM, "text": "bell\x07"},
        {"action": "instruct", "room_url": ROOM},
        {"action": "instruct", "room_url": ROOM, "text": "x" * 2001},
        {"action": "persona", "room_url": ROOM},
        {"action": "switch", "room_url": ROOM},
        {"action": "persona", "room_url": ROOM, "persona": "two\nlines"},
        {"action": "stealth", "room_url": ROOM, "on": "yes"},
        {"action": "mute", "all": True, "limit": 201},
        {"action": "mute", "all": True, "after": "yesterday"},
    ],
)
def test_what_makes_no_sense_is_refused_before_a_bot_hears_it(caller, bot, body):
    problem(caller.post("/admin", body), 422, "invalid")
    assert bot.heard == []


def test_another_assistant_is_put_into_a_live_call(acts, caller, bot):
    caller.post("/assistants", {"name": "pearl"})

    assert acts("switch", room_url=ROOM, assistant="pearl").json["results"][0]["did"] == {}
    assert bot.heard == [("switch", {"assistant": "pearl"})]


def test_an_assistant_that_is_not_there_is_put_into_no_call(acts, bot):
    problem(acts("switch", room_url=ROOM, assistant="nobody"), 422, "unknown-assistant")
    assert bot.heard == []


def test_a_personality_that_is_not_there_is_nobody_s(acts, bot):
    problem(acts("persona", room_url=ROOM, personality="nobody"), 422, "unknown-personality")
    assert bot.heard == []


def test_neither_a_session_s_token_nor_a_pass_nor_a_resume_token_makes_a_bot_do_anything(caller, joined, bot):
    a_pass = caller.post("/passes", {"room_url": ROOM, "user_id": "ada"}).json["pass"]
    for credential in (joined["connect"]["token"], joined["connect"]["resume_token"], a_pass):
        answer = caller.with_(credential).post("/admin", {"action": "mute", "room_url": ROOM})
        problem(answer, 403, "forbidden")
    assert bot.heard == []


def test_what_cannot_be_done_is_a_problem(acts, caller, joined, puppet, ledger):
    problem(acts("mute", session_id="nobody-s"), 404, "no-such-session")
    problem(acts("mute", room_url="local:empty"), 404, "no-bot-there")
    problem(acts("mute", room_url=ROOM), 404, "no-bot-there")
    problem(acts("mute", session_id=joined["session_id"]), 409, "not-on-stage")
    bot = puppet().go_live()
    bot.enter(State.TRANSITIONING)
    problem(acts("mute", session_id=joined["session_id"]), 409, "on-its-way")
    bot.enter(State.LIVE)
    caller.post("/leave", {"session_id": joined["session_id"]})


@pytest.mark.parametrize("kind", ["bot-muted", "bot-paused", "nobody-there", "on-its-way"])
def test_what_a_bot_refuses_is_a_problem(acts, joined, puppet, ledger, kind):
    bot = puppet().go_live()
    ledger.meanwhile.append(lambda: bot.obey({"say": {"error": kind}}))

    problem(acts("say", room_url=ROOM, text="Hello?"), 409, kind)


@pytest.mark.usefixtures("impatient")
def test_a_bot_that_does_not_answer_is_not_waited_for_without_end(acts, joined, puppet):
    puppet().go_live()

    problem(acts("mute", room_url=ROOM), 504, "bot-silent")


@pytest.mark.parametrize(("where", "limit"), [({"room_url": ROOM}, "OF_ONE"), ({"all": True}, "OF_ALL")])
def test_admins_make_so_many_actions_a_minute(acts, bot, monkeypatch, where, limit):
    monkeypatch.setattr(admin, limit, 2)
    assert [acts("mute", **where).status_code for _ in range(2)] == [200, 200]

    refused = acts("mute", **where)

    problem(refused, 429, "too-many-requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert len(bot.heard) == 2


def test_the_words_stand_in_the_session_and_for_the_key_alone(acts, caller, joined, bot):
    acts("instruct", room_url=ROOM, text="Ask about the divorce.")
    session = f"/sessions/{joined['session_id']}"

    assert caller.get(session).json["config"] == {"guidance": "Ask about the divorce."}
    guest = caller.with_(joined["connect"]["token"])
    for told in (caller.get(f"/rooms/{ROOM}"), guest.get(session), guest.get(f"{session}/events")):
        assert told.status_code == 200 and "divorce" not in told.text


def test_who_is_in_the_call_does_not_read_that_an_admin_acted(acts, caller, joined, bot):
    acts("stealth", room_url=ROOM)
    path = f"/sessions/{joined['session_id']}/events"

    of_key, of_guest = caller.get(path).json["events"], caller.with_(joined["connect"]["token"]).get(path)
    assert of_key[-1]["event"] == "admin_acted"
    assert of_key[-1]["detail"] == "stealth, by the holder of the key"
    assert "admin" not in of_guest.text and "stealth" not in of_guest.text
