"""Passes: what their holder may do, and that it is nothing else."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.errors.callers import PassExpired
from greenroom.app.errors.families import Unauthorized
from greenroom.app.passes import LASTS, LINK_LASTS, Pass, Passes, link, until
from tests.rigs.api import KEY, SIGNS, problem, routes
from tests.rigs.makers import CELLAR
from tests.unit.app.api.test_moves import move_there

OPEN_TO_A_PASS = {
    ("GET", "/choices"),
    ("HEAD", "/choices"),
    ("OPTIONS", "/choices"),
    ("POST", "/passes"),
    ("OPTIONS", "/passes"),
    ("POST", "/join"),
    ("OPTIONS", "/join"),
    ("POST", "/sessions/<session_id>/token"),
    ("OPTIONS", "/sessions/<session_id>/token"),
}
BODIES = {
    "/leave": {"room_url": "local:stage"},
    "/config": {"room_url": "local:stage", "voice": "deep"},
    "/sessions/<session_id>/api/offer": {"sdp": "v=0", "type": "offer"},
}


@pytest.fixture
def passes():
    return Passes(SIGNS)


@pytest.fixture
def come_with(caller, passes):
    """Somebody whose only credential is a pass."""

    def come(room="local:stage", user_id="ann", expires=None):
        return caller.with_(passes.sign(Pass(until(LASTS) if expires is None else expires, room, user_id)))

    return come


def made(response):
    assert response.status_code == 201, response.text
    return response.json


def test_a_pass_lets_its_user_into_its_room(come_with):
    joined = come_with().post("/join", {})

    assert joined.status_code == 202
    assert joined.json["room_url"] == "local:stage"
    assert joined.json["connect"]["user_id"] == "ann"


def test_the_token_that_comes_with_it_opens_the_session(come_with, caller):
    joined = come_with().post("/join", {"room_url": "local:stage", "user_id": "ann"}).json
    path = f"/sessions/{joined['session_id']}"

    assert caller.with_(joined["connect"]["token"]).get(path).status_code == 200


@pytest.mark.parametrize(
    "wish",
    [
        {"room_url": "local:office"},
        {"user_id": "ben"},
        {"room_url": "local:stage", "user_id": "ben"},
        {"personality": "gruff"},
        {"instructions": "You obey Ann."},
        {"max_duration": 86400},
        {"session_persistence": 3600},
        {"metadata": {"vip": True}},
        {"voice": "deep"},
        {"conversation_id": "of-ann"},
        {"bot": "assistant"},
    ],
)
def test_a_pass_joins_no_other_room_as_nobody_else_and_chooses_nothing(come_with, launches, wish):
    problem(come_with().post("/join", wish), 403, "forbidden")
    assert launches.asked == []


def test_a_pass_opens_nothing_else(app, caller, come_with):
    session_id = caller.post("/join", {"room_url": "local:stage", "user_id": "ann"}).json["session_id"]
    ann = come_with()
    public = {rule for rule, view in app.view_functions.items() if getattr(view, "is_public", False)}
    for method, rule in routes(app):
        if (method, rule) in OPEN_TO_A_PASS:
            continue
        endpoints = {each.endpoint for each in app.url_map.iter_rules() if each.rule == rule}
        if endpoints & public or rule == "/openapi.json":
            continue
        path = rule.replace("<session_id>", session_id).replace("<path:room_url>", "local:stage")
        body = BODIES.get(rule) if method == "POST" else None
        problem(ann.call(method, path, body), 403, "forbidden")


def test_a_pass_does_not_show_whom_the_bot_in_its_room_is_for(caller, come_with):
    named = {
        "user_id": "ben",
        "instructions": "A pirate.",
        "prompts": {"away": "Soon."},
        "metadata": {"ticket": 7},
        "language": "en-GB",
    }
    caller.post("/join", {"room_url": "local:stage", **named})

    joined = come_with().post("/join", {}).json

    assert (joined["user_id"], joined["instructions"], joined["metadata"]) == ("ann", None, {})
    assert joined["prompts"] == {}
    assert (joined["reused"], joined["language"]) == (True, "en-GB")


@pytest.mark.parametrize("held", [Pass(0), Pass(0, "local:stage")], ids=["fresh room", "invitation"])
def test_a_pass_for_whoever_comes_is_exchanged_before_it_joins(caller, passes, launches, held):
    guest = caller.with_(passes.sign(replace(held, expires=until(LASTS))))

    assert "POST /passes" in problem(guest.post("/join", {}), 403, "forbidden")["detail"]
    assert launches.asked == []
    own = made(guest.post("/passes", {}))
    joined = caller.with_(own["pass"]).post("/join", {})
    assert joined.status_code == 202
    assert joined.json["room_url"] == own["room_url"]
    assert joined.json["connect"]["user_id"] == own["user_id"]


def test_the_printed_link_leads_to_another_room_each_time(caller, passes):
    link_s = caller.with_(passes.sign(Pass(until(LINK_LASTS))))
    one, other = made(link_s.post("/passes", {})), made(link_s.post("/passes", {}))

    assert one["room_url"].startswith("local:")
    assert one["room_url"] != other["room_url"] and one["user_id"] != other["user_id"]


def test_the_printed_link_opens_no_room_that_somebody_names(caller, passes):
    link_s = caller.with_(passes.sign(Pass(until(LINK_LASTS))))

    problem(link_s.post("/passes", {"room_url": "local:stage"}), 403, "forbidden")


def test_who_is_in_a_room_invites_others_into_it_and_each_is_a_guest_of_their_own(caller, come_with):
    invitation = made(come_with().post("/passes", {"invitation": True}))
    guests = [made(caller.with_(invitation["pass"]).post("/passes", {})) for _ in range(2)]

    assert invitation["room_url"] == "local:stage" and invitation["user_id"] is None
    assert {guest["room_url"] for guest in guests} == {"local:stage"}
    assert len({guest["user_id"] for guest in guests} - {"ann", None}) == 2


@pytest.mark.parametrize(
    "wish", [{"room_url": "local:office"}, {"user_id": "ben"}, {"user_id": "ann"}, {"room_url": "nonsense"}]
)
def test_with_a_pass_no_pass_for_another_room_or_person_can_be_had(come_with, wish):
    problem(come_with().post("/passes", wish), 403, "forbidden")


def test_no_pass_outlives_the_one_that_asked_for_it(caller, come_with, passes):
    soon = until(timedelta(minutes=5))
    given = made(come_with(expires=soon).post("/passes", {"invitation": True, "expires_in": 86400}))

    assert passes.read(given["pass"]).expires == soon


def test_the_key_makes_a_pass_for_anybody_and_any_room_of_ours(caller, passes):
    given = made(caller.post("/passes", {"room_url": "local:office", "user_id": "cleo", "expires_in": 600}))
    read = passes.read(given["pass"])

    assert (read.room, read.user_id) == ("local:office", "cleo")
    assert abs(read.expires - time.time() - 600) < 60
    assert made(caller.post("/passes", {}))["room_url"].startswith("local:")


@pytest.mark.parametrize(
    ("wish", "kind"),
    [
        ({"room_url": "wss://elsewhere.example.com/x"}, "not-our-room"),
        ({"room_url": "nonsense"}, "bad-room"),
        ({"user_id": "bot:stage"}, "reserved-name"),
        ({"expires_in": 30 * 86400}, "invalid"),
        ({"expires_in": 0}, "invalid"),
    ],
)
def test_a_pass_that_could_not_be_used_is_not_made(caller, wish, kind):
    problem(caller.post("/passes", wish), 422, kind)


@pytest.mark.parametrize("change", ["expired", "another secret", "a token's salt", "cut", "longer", "key"])
def test_a_pass_that_was_not_signed_here_or_is_old_opens_nothing(caller, passes, change):
    good = Pass(until(LASTS), "local:stage", "ann")
    text, kind = passes.sign(good), "unauthorized"
    if change == "expired":
        text, kind = passes.sign(replace(good, expires=int(time.time()) - 5)), "pass-expired"
    elif change == "another secret":
        text = Passes("a secret that is another's, and long").sign(good)
    elif change == "a token's salt":
        text = f"pass.{caller.post('/join', {}).json['connect']['token']}"
    elif change == "cut":
        text = text[:-1]
    elif change == "longer":
        text += "=" * 5000
    else:
        text = f"pass.{KEY}"

    for path in ("/join", "/passes"):
        problem(caller.with_(text).post(path, {}), 401, kind)


def test_a_session_s_token_is_renewed_for_the_holder_of_a_pass_to_its_room(come_with, caller):
    ann = come_with()
    session_id = ann.post("/join", {}).json["session_id"]
    given = ann.post(f"/sessions/{session_id}/token")

    assert given.status_code == 200 and given.json["user_id"] == "ann"
    assert given.headers["Cache-Control"] == "no-store"
    assert caller.with_(given.json["token"]).get(f"/sessions/{session_id}").json["user_id"] == "ann"


def test_whose_resume_token_was_used_by_a_page_that_is_gone_gets_another_one_for_the_pass(come_with, caller):
    ann = come_with()
    joined = ann.post("/join", {}).json
    used = caller.with_(joined["connect"]["resume_token"])
    used.post("/join", {})
    problem(used.post("/join", {}), 410, "resume-token-used")
    another = ann.post(f"/sessions/{joined['session_id']}/token").json["resume_token"]

    back = caller.with_(another).post("/join", {}).json
    assert (back["session_id"], back["connect"]["user_id"]) == (joined["session_id"], "ann")


def test_no_pass_of_another_room_and_no_invitation_gets_a_token(come_with, caller):
    session_id = come_with().post("/join", {}).json["session_id"]
    path = f"/sessions/{session_id}/token"

    problem(come_with("local:office").post(path), 403, "forbidden")
    problem(come_with(user_id=None).post(path), 403, "forbidden")
    problem(come_with(None, None).post(path), 403, "forbidden")


def test_a_pass_gets_its_user_a_token_of_their_session_that_has_moved_from_its_room(
    come_with, caller, puppet, ledger
):
    """After two hours the page was shut out of its own call."""
    ann = come_with()
    session_id = ann.post("/join", {}).json["session_id"]
    bot = puppet().go_live()
    path = f"/sessions/{session_id}"
    assert caller.post(f"{path}/move", {"room_url": str(CELLAR)}).status_code == 202
    move_there(ledger, bot)

    given = ann.post(f"{path}/token")
    assert given.status_code == 200 and given.json["user_id"] == "ann"
    problem(come_with(user_id="ben").post(f"{path}/token"), 403, "forbidden")
    problem(come_with("local:office").post(f"{path}/token"), 403, "forbidden")


def test_the_way_into_a_voice_room_is_its_own_user_s_alone(come_with, caller):
    """A guest of an invitation that its user made could take a token of the session there, where a join is refused."""
    ann = come_with("local:voice-ann", "ann")
    session_id = ann.post("/join", {}).json["session_id"]
    guest = come_with("local:voice-ann", "ben")

    problem(guest.post(f"/sessions/{session_id}/token"), 403, "not-your-room")
    assert ann.post(f"/sessions/{session_id}/token").status_code == 200
    for wish in ({}, {"invitation": True}):
        problem(ann.post("/passes", wish), 403, "not-your-room")
    for wish in ({"user_id": "ben"}, {"invitation": True}, {}):
        problem(caller.post("/passes", {"room_url": "local:voice-ann", **wish}), 403, "not-your-room")
    assert made(caller.post("/passes", {"room_url": "local:voice-ann", "user_id": "ann"}))["user_id"] == "ann"


def test_who_is_in_a_session_s_room_invites_others_there_for_as_long_as_it_may_last(
    come_with, caller, passes
):
    joined = come_with().post("/join", {}).json
    ann = caller.with_(joined["connect"]["token"])

    given = made(ann.post(f"/sessions/{joined['session_id']}/invitation"))

    assert (given["room_url"], given["user_id"]) == ("local:stage", None)
    lasts = passes.read(given["pass"]).expires - time.time()
    assert 3500 < lasts <= 3600, "as long as the session may last"
    guest = made(caller.with_(given["pass"]).post("/passes", {}))
    assert guest["user_id"] != "ann"
    assert caller.with_(guest["pass"]).post("/join", {}).json["session_id"] == joined["session_id"]


def test_nobody_is_invited_to_a_voice_room_or_to_a_session_of_others(come_with, caller):
    own = come_with("local:voice-ann", "ann").post("/join", {}).json
    ann = caller.with_(own["connect"]["token"])
    other = come_with("local:office", "ben").post("/join", {}).json

    problem(ann.post(f"/sessions/{own['session_id']}/invitation"), 403, "not-your-room")
    problem(ann.post(f"/sessions/{other['session_id']}/invitation"), 403, "forbidden")


def test_an_invitation_of_a_guest_counts_for_the_link_that_they_came_by(caller, passes):
    link_s = passes.sign(Pass(until(LINK_LASTS), "local:stage", "ann"))
    joined = caller.with_(link_s).post("/join", {}).json

    given = made(
        caller.with_(joined["connect"]["token"]).post(f"/sessions/{joined['session_id']}/invitation")
    )

    assert passes.read(given["pass"]).link == passes.read(link_s).link


def test_a_token_does_not_renew_itself(come_with, caller):
    joined = come_with().post("/join", {}).json

    response = caller.with_(joined["connect"]["token"]).post(f"/sessions/{joined['session_id']}/token")
    problem(response, 403, "forbidden")


def test_what_is_signed_comes_back_as_it_was(passes):
    for given in (
        Pass(until(LASTS)),
        Pass(until(LASTS), "local:stage"),
        Pass(until(LASTS), "wss://a.b/c", "a@b"),
    ):
        assert replace(passes.read(passes.sign(given)), link=None) == given


def test_a_pass_is_of_the_link_of_the_one_that_asked_for_it(caller, passes):
    """Else each guest whom an invitation makes up had limits of their own, and nobody the invitation's."""
    link = passes.sign(Pass(until(LINK_LASTS)))
    guest = made(caller.with_(link).post("/passes", {}))["pass"]
    invitation = made(caller.with_(guest).post("/passes", {"invitation": True}))["pass"]
    other = made(caller.with_(invitation).post("/passes", {}))["pass"]

    assert len({passes.read(each).link for each in (link, guest, invitation, other)}) == 1
    assert passes.read(made(caller.post("/passes", {}))["pass"]).link != passes.read(link).link


def test_a_pass_whose_signature_is_spelled_another_way_is_of_the_same_link(passes):
    """32 bytes leave two bits of base64's last letter to whoever writes it."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = passes.sign(Pass(until(LINK_LASTS)))
    last = letters.index(text[-1])
    spelled = [text[:-1] + letters[last - last % 4 + spare] for spare in range(4)]

    assert text in spelled
    assert len({passes.read(each).link for each in spelled}) == 1


@pytest.mark.parametrize("text", ["", "pass.", "pass.x", "pass.é", "pass." + "a" * 5000, "pass..", KEY])
def test_nonsense_is_refused_quietly(passes, text):
    with pytest.raises(Unauthorized) as refusal:
        passes.read(text)
    assert not isinstance(refusal.value, PassExpired)


def test_nothing_is_signed_with_an_empty_secret():
    with pytest.raises(ValueError, match="empty"):
        Passes("")


def test_a_link_has_its_pass_where_no_server_sees_it():
    assert link("http://here:7077", "pass.x") == "http://here:7077/talk#pass=pass.x"
    assert link("http://here:7077", "pass.x", "local:a") == "http://here:7077/talk?room=local:a#pass=pass.x"


def test_an_invitation_that_names_somebody_is_refused(caller):
    refused = caller.post("/passes", {"invitation": True, "user_id": "ann"})

    assert refused.status_code == 422
    assert "leave user_id out" in refused.json["detail"]


# With whom one talks


@pytest.fixture
def choosing(caller, passes):
    return caller.with_(passes.sign(Pass(until(LASTS), "local:stage", "ann", chooses=True)))


@pytest.mark.usefixtures("staffed")
def test_a_pass_that_lets_its_holder_choose_does_so_and_no_more(choosing, launches):
    wish = {"bot": "assistant", "personality": "gruff", "mode": "forum"}
    for more in ({"instructions": "You obey Ann."}, {"room_url": "local:office"}, {"voice": "deep"}):
        problem(choosing.post("/join", {**wish, **more}), 403, "forbidden")
    assert launches.asked == []

    joined = choosing.post("/join", wish)
    assert joined.status_code == 202
    assert {name: joined.json[name] for name in wish} == wish


def test_an_assistant_that_the_pass_names_cannot_be_chosen_otherwise(caller, passes):
    caller.post("/assistants", {"name": "pearl"})
    caller.post("/assistants", {"name": "ruby"})
    held = Pass(until(LASTS), "local:stage", "ann", "pearl", chooses=True)
    ann = caller.with_(passes.sign(held))

    problem(ann.post("/join", {"assistant": "ruby"}), 403, "forbidden")
    assert ann.get("/choices").json["assistants"] == []


def test_what_there_is_to_choose_is_told_to_who_may(app, choosing, come_with, caller):
    app.extensions["greenroom"] = replace(
        app.extensions["greenroom"], shown={"gruff": {"name": "Bert", "about": "Gruff", "language": "en"}}
    )
    caller.post("/assistants", {"name": "pearl", "persona": "Pearl"})
    told = choosing.get("/choices").json

    assert told["may_choose"] is True
    assert told["usual"] == "host"
    assert told["personalities"] == [
        {"id": "host", "name": "host"},
        {"id": "gruff", "name": "Bert", "about": "Gruff", "language": "en"},
    ]
    assert told["assistants"] == [{"id": "pearl", "name": "Pearl"}]
    assert [each["id"] for each in told["bots"]] == list(app.extensions["greenroom"].settings.bots)
    assert caller.get("/choices").json == told
    nothing = {"may_choose": False, "bots": [], "personalities": [], "assistants": []}
    assert come_with().get("/choices").json == nothing


def test_leave_to_choose_goes_along_with_a_pass_and_with_no_invitation(caller, passes):
    link = caller.with_(passes.sign(Pass(until(LINK_LASTS), chooses=True)))
    mine = made(link.post("/passes", {}))
    invitation = made(caller.with_(mine["pass"]).post("/passes", {"invitation": True}))

    assert (mine["may_choose"], invitation["may_choose"]) == (True, False)
    theirs = made(caller.with_(invitation["pass"]).post("/passes", {"may_choose": True}))
    assert theirs["may_choose"] is False
    assert passes.read(theirs["pass"]).chooses is False


def test_the_key_makes_passes_that_choose_where_it_says_so(caller, passes):
    usual, choosing = (made(caller.post("/passes", wish)) for wish in ({}, {"may_choose": True}))

    assert [passes.read(each["pass"]).chooses for each in (usual, choosing)] == [False, True]
