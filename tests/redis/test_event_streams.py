"""Events as server-sent events: who may listen, what they get, and that nobody who comes back misses any."""

import asyncio
import json
import socket
from contextlib import suppress
from datetime import timedelta

import pytest
from aiohttp import web

from greenroom.app.api.auth import mint, session_tokens
from greenroom.app.events import feed as feed_module
from greenroom.app.events import hub as hub_module
from greenroom.app.events import impatience, process, server
from greenroom.app.events.feed import Feed
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.session_events import Happened, Note, ReadEvents
from greenroom.app.rooms.sessions import Reason, State, Transition
from greenroom.app.rooms.told import Hear, Place, ReadTold, Sound
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from tests.rigs.event_streams import SIGNS, listening, served
from tests.rigs.makers import CELLAR, a_session
from tests.rigs.ports import free_port

pytestmark = pytest.mark.anyio

ID, EPOCH = "a-session", 7
OF_IT = f"/sessions/{ID}/events"


@pytest.fixture
def session(ledger):
    session = a_session(ID, epoch=EPOCH)
    ledger.run(Create(session))
    return session


@pytest.fixture
async def events(redis_url, session):
    async with served(redis_url) as it:
        yield it


@pytest.fixture
def token():
    return mint(session_tokens(SIGNS), ID, "ada")


def enter(ledger, *states, session=ID, epoch=EPOCH, **facts):
    for state in states:
        ledger.run(Transition(session, state, epoch, **facts))


def end(ledger):
    enter(ledger, State.JOINING, State.LIVE, State.LEAVING)
    enter(ledger, State.ENDED, reason=Reason.LEFT)


async def test_all_events_come_as_they_happen(events, ledger):
    async with listening(f"{events.url}/events") as listener:
        enter(ledger, State.JOINING, State.LIVE)

        first = await listener.next()
        assert (listener.status, first.type) == (200, "session.joining")
        assert first.data["session"] == ID and first.data["sequence"] == 2
        assert await listener.types(2) == ["session.live", "voice.session.start"]


async def test_a_browser_is_not_told_that_an_admin_acted_and_whoever_has_the_key_is(events, ledger, token):
    ledger.run(Note(ID, Happened.ADMIN_ACTED, EPOCH, detail="stealth, by the holder of the key"))
    enter(ledger, State.JOINING)

    async with listening(events.url + OF_IT) as listener:
        assert await listener.types(3) == ["session.pending", "session.admin_acted", "session.joining"]
    async with listening(events.url + OF_IT, key=token) as listener:
        assert await listener.types(2) == ["session.pending", "session.joining"]


async def test_a_session_s_events_come_from_its_beginning_until_its_end(events, ledger, session):
    ledger.run(Create(a_session("another", room=CELLAR, user_id="bob")))
    enter(ledger, State.JOINING, State.LIVE)
    async with listening(events.url + OF_IT) as listener:
        before = await listener.types(4)
        enter(ledger, State.JOINING, session="another")
        enter(ledger, State.LEAVING)
        enter(ledger, State.ENDED, reason=Reason.LEFT)
        rest = await listener.types(10)

    assert before == ["session.pending", "session.joining", "session.live", "voice.session.start"]
    assert rest == ["session.leaving", "session.ended", "voice.session.end"]


async def test_who_comes_back_gets_what_came_meanwhile_and_nothing_twice(redis_url, ledger, session):
    async with served(redis_url) as events, listening(f"{events.url}/events") as listener:
        enter(ledger, State.JOINING)
        await listener.next()
    enter(ledger, State.LIVE)
    ledger.run(Hear(ID, EPOCH, (Sound("voice.speech.start", 1),)))

    async with served(redis_url) as events:  # another process
        async with listening(f"{events.url}/events", last_id=listener.last_id) as again:
            enter(ledger, State.WAITING)
            assert await again.types(4) == [
                "session.live",
                "voice.session.start",
                "voice.speech.start",
                "session.waiting",
            ]
        async with listening(f"{events.url}/events", last_id=again.last_id) as once_more:
            enter(ledger, State.LIVE)
            assert (await once_more.next()).type == "session.live"


async def test_many_that_were_missed_come_all_and_in_order(events, ledger, session):
    first = ledger.run(ReadTold(Place()))[0].id
    count = hub_module.AT_ONCE * 2 + 7
    for number in range(count):
        ledger.run(Note(ID, Happened.QUEUED, EPOCH, str(number)))
    async with listening(f"{events.url}/events", last_id=f"{first}_0-0") as listener:
        sequences = [(await listener.next()).data["sequence"] for _ in range(count)]

    assert sequences == list(range(2, count + 2))


async def test_who_comes_back_too_late_is_told_that_something_is_missing(events, ledger, session):
    async with listening(f"{events.url}/events", last_id="1-1_0-0") as listener:
        assert await listener.types(2) == ["stream.gap", "session.pending"]


@pytest.mark.parametrize(
    "last_id", ["nonsense", "0", "$", "1-1", "9" * 90, "1_2", "1-1_", "1-" + "9" * 60 + "_0-0", "-1-1_0-0"]
)
async def test_an_id_that_is_none_is_that_of_one_who_is_new(events, ledger, last_id):
    async with listening(f"{events.url}/events", last_id=last_id) as listener:
        enter(ledger, State.JOINING)
        assert (await listener.next()).type == "session.joining"


async def test_a_huge_id_is_refused_or_ignored_and_harms_nobody(events, ledger):
    for size in (7_000, 60_000):
        async with listening(f"{events.url}/events", last_id="9" * size) as listener:
            assert listener.status in (200, 400)
    async with listening(f"{events.url}/events") as listener:
        assert listener.status == 200


async def test_an_id_of_the_history_that_is_json_goes_on_there(events, ledger, session):
    enter(ledger, State.JOINING)
    pending = ledger.run(ReadEvents(ID))[0].id
    async with listening(events.url + OF_IT, last_id=pending) as listener:
        assert (await listener.next()).type == "session.joining"


async def test_who_knows_the_end_of_a_session_need_not_come_back(events, ledger, session):
    end(ledger)
    async with listening(events.url + OF_IT) as listener:
        assert (await listener.types(10))[-1] == "voice.session.end"
    async with listening(events.url + OF_IT, last_id=listener.last_id) as again:
        assert again.status == 204


@pytest.fixture
async def events_after_end(redis_url, ledger, session):
    """Served by a process that has read of the session's end before anybody asks."""
    end(ledger)
    async with served(redis_url) as it:
        yield it


def told(ledger, event):
    """The place of whoever has heard up to that one."""
    return next(f"{entry.id}_0-0" for entry in ledger.run(ReadTold(Place())) if entry.fields["type"] == event)


@pytest.mark.parametrize("types", ["session.ended", "session.*", "participant.*"])
@pytest.mark.parametrize("path", [f"{OF_IT}?", f"/events?session={ID}&"])
async def test_nor_need_who_wants_only_some_of_it(events_after_end, ledger, types, path):
    filtered = f"{events_after_end.url}{path}types={types}"
    last_id = told(ledger, "session.pending")
    async with listening(filtered, last_id=last_id) as listener:
        while await listener.next() is not None:
            pass
    async with listening(filtered, last_id=listener.last_id or last_id) as again:
        assert again.status == 204


async def test_who_missed_only_what_is_told_with_an_end_is_hung_up_on_after_it(events_after_end, ledger):
    async with listening(events_after_end.url + OF_IT, last_id=told(ledger, "session.ended")) as listener:
        assert await listener.types(10) == ["voice.session.end"]


async def test_the_end_of_one_session_ends_no_stream_of_all(events_after_end, ledger, monkeypatch):
    monkeypatch.setattr(hub_module, "STAYS_AFTER_END", 0.0)
    last_id = told(ledger, "session.pending")
    async with listening(f"{events_after_end.url}/events", last_id=last_id) as listener:
        assert (await listener.types(6))[-1] == "voice.session.end"
        await asyncio.sleep(0.2)
        ledger.run(Create(a_session("another", room=CELLAR, user_id="bob")))
        assert await listener.types(1) == ["session.pending"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("types=session.live", ["session.live"]),
        ("types=session.*,voice.session.start", ["session.joining", "session.live", "voice.session.start"]),
        (
            "types=voice.*",
            ["voice.session.start", "voice.speech.start", "voice.audio.level"],
        ),
        ("user=ada&types=session.live", ["session.live"]),
        ("room=local:stage&tenant=main&session=a-session&types=session.live", ["session.live"]),
    ],
)
async def test_a_listener_gets_what_it_wants(events, ledger, query, expected):
    async with listening(f"{events.url}/events?{query}") as listener:
        enter(ledger, State.JOINING, State.LIVE)
        sounds = (Sound("voice.speech.start", 1), Sound("voice.audio.level", 2, {"level": "0.5"}))
        ledger.run(Hear(ID, EPOCH, sounds))

        assert await listener.types(len(expected)) == expected


@pytest.mark.parametrize("query", ["user=bob", "room=local:cellar", "tenant=acme", "session=another"])
async def test_and_nothing_of_others(events, ledger, query):
    async with (
        listening(f"{events.url}/events?{query}") as listener,
        listening(f"{events.url}/events") as all_,
    ):
        enter(ledger, State.JOINING)
        await all_.next()
        with pytest.raises(TimeoutError):
            await listener.next(within=0.3)


async def test_levels_come_to_those_alone_who_name_them(events, ledger):
    async with listening(f"{events.url}/events") as listener:
        ledger.run(
            Hear(ID, EPOCH, (Sound("voice.audio.level", 1, {"level": "0.5"}), Sound("voice.speech.end", 2)))
        )

        assert (await listener.next()).type == "voice.speech.end"


@pytest.mark.parametrize("query", ["types=session.gone", "types=*x", "typo=1", "user=" + "x" * 3000])
async def test_a_filter_that_is_none_is_refused(events, query):
    async with listening(f"{events.url}/events?{query}") as listener:
        assert listener.status == 422
        assert listener.response.content_type == "application/problem+json"


@pytest.mark.parametrize("key", [None, "", "wrong", "ü", "pass.x"])
@pytest.mark.parametrize("path", ["/events", OF_IT])
async def test_nobody_listens_without_a_key(events, path, key):
    async with listening(events.url + path, key=key) as listener:
        assert listener.status == 401
        assert listener.response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_opens_its_session_s_events_and_no_others(events, ledger, session, token):
    ledger.run(Create(a_session("another", room=CELLAR, user_id="bob")))
    for path, status in ((OF_IT, 200), ("/sessions/another/events", 403), ("/events", 403)):
        async with listening(events.url + path, key=token) as listener:
            assert listener.status == status


async def test_a_token_is_not_told_who_is_there(events, ledger, session, token):
    ledger.run(Note(ID, Happened.PERSON_ARRIVED, EPOCH, person="somebody"))
    for key, is_told in ((token, False), (None, True)):
        async with listening(events.url + OF_IT, **({"key": key} if key else {})) as listener:
            await listener.next()
            came = await listener.next()
            assert came.type == "participant.joined"
            assert ("somebody" in json.dumps(came.data)) is is_told


async def test_one_token_has_few_streams_and_gets_them_back(events, session, token):
    async def status():
        async with listening(events.url + OF_IT, key=token) as listener:
            return listener.status

    async with (
        listening(events.url + OF_IT, key=token),
        listening(events.url + OF_IT, key=token),
        listening(events.url + OF_IT, key=token),
    ):
        assert await status() == 429
    async with asyncio.timeout(10):
        while await status() != 200:  # noqa: ASYNC110  they are given back by the other side
            await asyncio.sleep(0.05)


async def test_an_unknown_session_is_a_problem_and_no_stream(events):
    async with listening(f"{events.url}/sessions/nobody/events") as listener:
        assert listener.status == 404
        assert (await listener.response.json())["type"].endswith("no-such-session")


async def test_a_name_that_is_made_to_lead_here_is_not_answered(events):
    async with listening(f"{events.url}/events", Host="evil.example.com") as listener:
        assert listener.status == 421


async def test_a_page_of_another_origin_is_allowed_as_it_is_by_the_api(redis_url, session):
    async with served(redis_url, allowed_origins=("https://app.example.com",)) as events:
        for origin in ("https://app.example.com", "https://evil.example.com"):
            async with listening(events.url + OF_IT, Origin=origin) as listener:
                allowed = listener.response.headers.get("Access-Control-Allow-Origin")
                assert allowed == (origin if "app" in origin else None)
                assert listener.response.headers["Cache-Control"] == "no-store"


async def test_a_quiet_stream_beats(events, monkeypatch):
    monkeypatch.setattr(server, "HEARTBEAT_EVERY", 0.05)
    beating = asyncio.create_task(events.server.beat())
    async with listening(f"{events.url}/events") as listener:
        lines = [await listener.response.content.readline() for _ in range(5)]
    beating.cancel()

    assert b": still here\n" in lines


async def test_who_does_not_read_is_hung_up_on_and_others_are_not(events, ledger, session, monkeypatch):
    monkeypatch.setattr(hub_module, "UNREAD_AT_MOST", 200_000)
    port = int(events.url.rpartition(":")[2])
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", port))
        slow.sendall(
            b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer a-key-for-tests-only\r\n\r\n"
        )
        async with listening(f"{events.url}/events") as listener:
            for _ in range(200):  # each is read before the next one comes
                await asyncio.to_thread(note_many, ledger)
                assert len(await listener.types(100)) == 100
                if events.hub.dropped:
                    break

    assert events.hub.dropped == 1


async def test_who_reads_nothing_of_what_they_have_missed_is_hung_up_on(events, ledger, session, monkeypatch):
    """Their place among the streams of one token was never given back."""
    write = web.StreamResponse.write

    async def write_to_one_who_reads_nothing(response, data):
        if b"event:" in data:
            await asyncio.Event().wait()
        await write(response, data)

    monkeypatch.setattr(web.StreamResponse, "write", write_to_one_who_reads_nothing)
    monkeypatch.setattr(server, "CATCHES_UP_WITHIN", 0.1)
    note_many(ledger)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(events.url.rpartition(":")[2]))
    writer.write(
        f"GET /sessions/{ID}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Authorization: Bearer a-key-for-tests-only\r\n\r\n".encode()
    )
    async with asyncio.timeout(20):
        with suppress(ConnectionResetError):
            await reader.read()
    writer.close()

    assert events.hub.dropped == 1


def note_many(ledger):
    ledger.run_all([Note(ID, Happened.QUEUED, EPOCH, "x") for _ in range(100)])


async def test_a_client_that_sends_nothing_or_half_is_hung_up_on(events, monkeypatch):
    monkeypatch.setattr(impatience, "REQUEST_WITHIN", 0.2)
    port = int(events.url.rpartition(":")[2])
    for half in (b"", b"GET /events HTTP/1.1\r\nHost: 127", b"GET /livez HTTP/1.1\r\nX: 1\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(half)
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()
    async with listening(f"{events.url}/events") as listener:
        await asyncio.sleep(0.5)
        assert listener.status == 200
        assert not listener.response.content.at_eof()


async def test_a_body_or_another_method_is_refused(events):
    port = int(events.url.rpartition(":")[2])
    for request in (
        b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n",
        b"DELETE /sessions/x/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01 no HTTP\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        async with asyncio.timeout(10):
            assert b" 40" in await reader.readline()
        writer.close()


async def test_the_process_says_how_it_is(events):
    async with listening(f"{events.url}/events"):
        for path, word in (
            ("/livez", "live"),
            ("/readyz", "ready"),
            ("/metrics", "greenroom_event_streams 1"),
        ):
            async with listening(events.url + path, key=None) as listener:
                assert listener.status == 200
                assert word in await listener.response.text()


async def test_a_count_is_told_to_the_last_digit(events):
    events.hub.sent = 123_456_789
    async with listening(f"{events.url}/metrics", key=None) as listener:
        assert "greenroom_events_sent_total 123456789\n" in await listener.response.text()


async def test_a_process_that_waits_for_redis_stops_when_it_is_told_to():
    nowhere, stopped = AsyncRedisLedger(f"redis://127.0.0.1:{free_port()}/0"), asyncio.Event()
    loading = asyncio.create_task(process.first_load(Feed(nowhere), stopped))
    assert not (await asyncio.wait({loading}, timeout=0.2))[0]
    stopped.set()
    async with asyncio.timeout(10):
        await loading
    await nowhere.close()


async def test_what_the_feed_keeps_is_bounded(ledger, session, redis_url, monkeypatch):
    monkeypatch.setattr(feed_module, "KEPT_TOLD", 10)
    for _ in range(50):
        ledger.run(Note(ID, Happened.QUEUED, EPOCH))
    async with served(redis_url) as events:
        kept = list(events.feed.after(Place()))
        of_session = list(events.feed.after(Place(), ID))

        assert 10 <= len(kept) <= 20
        assert kept == of_session
        assert await events.feed.has_all_after(kept[0].place)
        before_ms = int(kept[0].entry.id.partition("-")[0]) - 1
        assert not await events.feed.has_all_after(Place(f"{before_ms}-0"))  # they went to make room


async def test_who_comes_back_behind_what_is_forgotten_has_all_for_a_day(ledger, session, redis_url, server):
    async with served(redis_url) as events:
        last = events.feed.place.told
    server.delete("events:told")
    ledger.run(Note(ID, Happened.QUEUED, EPOCH))
    async with served(redis_url) as events:
        day_ago = int(last.partition("-")[0]) - timedelta(days=1) // timedelta(milliseconds=1)

        assert await events.feed.has_all_after(Place(last))
        assert not await events.feed.has_all_after(Place(f"{day_ago}-0"))
        assert await events.feed.has_all_after(Place())
