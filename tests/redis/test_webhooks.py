"""Webhooks: signed, in order for each session, again until they are taken, and never to where they must not go."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from argparse import Namespace
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from greenroom.app import cli_webhooks
from greenroom.app.events import webhooks as module
from greenroom.app.events.feed import Feed
from greenroom.app.events.webhooks import Courier, gauges, headers_of, pause_after
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.letters import (
    ClaimLetters,
    Letter,
    PutLetters,
    ReadCursor,
    ReadDead,
    ReadWaitingLetters,
    SettleLetter,
    receiver_of,
)
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.settings import Settings
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from tests.rigs.makers import CELLAR, a_session
from tests.rigs.ports import free_port

pytestmark = pytest.mark.anyio

SECRET = "5b0e2a71d94fc83d6a17e0b2c4f985d3"
A_DAY = 86_400


class Receiver:
    """Somebody's server, which notes what it is sent; `answer` says what it answers to an event."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/hook"
        self.port = port
        self.got = []
        self.headers = []
        self.bodies = []
        self.answer = lambda event: 200
        self.led_elsewhere = 0  # requests that somebody else got
        self.held = None  # while it is an event, nobody is answered before it is set

    async def handle(self, request):
        if request.path != "/hook":
            self.led_elsewhere += 1
            return web.Response()
        body = await request.read()
        event = json.loads(body)
        self.got.append((event["session"], event.get("sequence")))
        self.headers.append(request.headers)
        self.bodies.append(body)
        if self.held is not None:
            await self.held.wait()
        status = self.answer(event)
        headers = {"Location": f"http://127.0.0.1:{self.port}/elsewhere"} if 300 <= status < 400 else {}
        return web.Response(status=status, headers=headers)


@asynccontextmanager
async def receiving():
    receiver = Receiver(free_port())
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", receiver.port).start()
    try:
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sending(redis_url, *urls, pause=lambda _: timedelta(seconds=0.05), **facts):
    """Couriers to these, as the events process has them; only what is told from now on is sent."""
    ledger = AsyncRedisLedger(redis_url)
    feed = Feed(ledger)
    await feed.load()
    options = {"may_be_private": True, **facts}
    couriers = [Courier(url, SECRET, ledger=ledger, feed=feed, pause=pause, **options) for url in urls]
    for courier in couriers:
        if not await ledger.run(ReadCursor(courier.receiver)):
            await ledger.run(PutLetters(courier.receiver, "", feed.place.told))
    tasks = [asyncio.create_task(courier.run()) for courier in couriers]
    tasks.append(asyncio.create_task(feed.run(lambda _: [courier.wake() for courier in couriers])))
    try:
        yield couriers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await ledger.close()


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    """For letters whose time has come: the pauses here are shorter, too."""
    monkeypatch.setattr(module, "LOOKS_EVERY", 0.05)


@pytest.fixture
def sessions(ledger):
    ledger.run(Create(a_session("one")))
    ledger.run(Create(a_session("two", room=CELLAR, user_id="bob")))


@pytest.fixture
def command(monkeypatch, ledger, receiver):
    """`greenroom webhooks`, where that receiver is set."""
    settings = Settings(webhook_urls=(receiver.url,), webhook_secret=SECRET, webhook_private=True)
    monkeypatch.setattr(cli_webhooks, "settings_here", lambda: settings)
    monkeypatch.setattr(cli_webhooks, "ledger_of", lambda _: ledger)
    return lambda what, its_id=None: cli_webhooks.webhooks(Namespace(what=what, id=its_id))


@pytest.fixture
async def receiver(sessions):
    async with receiving() as it:
        yield it


def tell(ledger, session, count=1):
    ledger.run_all([Note(session, Happened.QUEUED, 7) for _ in range(count)])


async def until(is_so, within=20):
    async with asyncio.timeout(within):
        while not is_so():  # noqa: ASYNC110  what others do is looked at
            await asyncio.sleep(0.01)


async def taken(ledger, receiver):
    """Wait until a letter has come and is settled: one whose sender goes before that waits until its claim lapses."""
    waiting = ReadWaitingLetters(receiver_of(receiver.url))
    await until(lambda: receiver.got and not ledger.run(waiting).sessions)


def of(receiver, session):
    return [sequence for its, sequence in receiver.got if its == session]


async def test_what_is_told_is_sent_once_and_in_order(redis_url, ledger, receiver):
    async with sending(redis_url, receiver.url):
        for session in ("one", "two", "one"):
            tell(ledger, session, 5)
        await until(lambda: len(receiver.got) >= 15)
        await asyncio.sleep(0.2)

    assert of(receiver, "one") == list(range(2, 12))
    assert of(receiver, "two") == list(range(2, 7))


async def test_a_letter_is_signed_as_standard_webhooks_has_it(redis_url, ledger, receiver):
    async with sending(redis_url, receiver.url):
        tell(ledger, "one")
        await until(lambda: receiver.got)

    headers, body = receiver.headers[0], receiver.bodies[0]
    event = json.loads(body)
    assert headers["webhook-id"] == event["id"]
    signed = f"{event['id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"


def test_a_secret_in_base64_signs_as_the_example_of_standard_webhooks():
    """https://github.com/standard-webhooks/standard-webhooks has these in its libraries' tests."""
    headers = headers_of(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_is_not_taken_is_sent_again_and_what_follows_it_waits(redis_url, ledger, receiver):
    refusals = iter([500, 503, 302, 404])
    receiver.answer = lambda event: next(refusals, 200) if event["session"] == "one" else 200
    async with sending(redis_url, receiver.url):
        tell(ledger, "one", 3)
        tell(ledger, "two", 3)
        await until(lambda: len(receiver.got) >= 10)

    assert of(receiver, "one") == [2, 2, 2, 2, 2, 3, 4]
    assert of(receiver, "two") == [2, 3, 4]
    assert len({headers["webhook-id"] for headers in receiver.headers}) == 6


async def test_a_receiver_that_hangs_delays_no_other_and_one_that_comes_back_gets_all(
    redis_url, ledger, receiver
):
    receiver.held = asyncio.Event()
    async with receiving() as other, sending(redis_url, receiver.url, other.url):
        tell(ledger, "one", 5)
        await until(lambda: len(other.got) == 5)
        assert len(receiver.got) <= 1
        receiver.held.set()
        await until(lambda: len(receiver.got) == 5)


async def test_a_crowd_of_sessions_takes_few_connections_of_a_receiver(redis_url, ledger, receiver):
    receiver.held = asyncio.Event()
    for number in range(module.AT_ONCE * 2):
        ledger.run(Create(a_session(f"s-{number}")))
    async with sending(redis_url, receiver.url):
        for number in range(module.AT_ONCE * 2):
            tell(ledger, f"s-{number}")
        await until(lambda: len(receiver.got) == module.AT_ONCE)
        await asyncio.sleep(0.2)
        assert len(receiver.got) == module.AT_ONCE
        receiver.held.set()
        await until(lambda: len(receiver.got) == module.AT_ONCE * 2)


async def test_a_new_process_goes_on_where_the_one_before_it_was(redis_url, ledger, receiver):
    async with sending(redis_url, receiver.url):
        tell(ledger, "one", 2)
        await until(lambda: len(receiver.got) == 2)
        # One that was sent, and not settled, is sent again: after half a minute
        await until(lambda: not ledger.run(ReadWaitingLetters(receiver_of(receiver.url))).sessions)
    tell(ledger, "one", 3)
    async with sending(redis_url, receiver.url):
        await until(lambda: len(receiver.got) >= 5)

    assert of(receiver, "one") == [2, 3, 4, 5, 6]


async def test_of_two_processes_one_puts_each_event_into_the_queue(redis_url, ledger, receiver):
    async with sending(redis_url, receiver.url), sending(redis_url, receiver.url):
        tell(ledger, "one", 20)
        await until(lambda: len(receiver.got) >= 20)
        await asyncio.sleep(0.2)

    assert of(receiver, "one") == list(range(2, 22))


async def test_what_two_processes_have_read_is_put_into_the_queue_once(ledger, sessions):
    letter = Letter("one", '{"id": "1-1"}')
    for _ in range(2):
        ledger.run(PutLetters("r", "", "1-1", (letter,)))
    assert ledger.run(ClaimLetters("r", 10)) == [letter]
    ledger.run(SettleLetter("r", letter))

    assert ledger.run(ClaimLetters("r", 10)) == []


async def test_what_was_claimed_by_a_process_that_died_is_sent_by_the_next(
    redis_url, ledger, sessions, server
):
    letter = Letter("one", '{"id": "1-1"}')
    ledger.run(PutLetters("r", "", "1-1", (letter,)))
    assert ledger.run(ClaimLetters("r", 10)) == [letter]
    assert ledger.run(ClaimLetters("r", 10)) == []
    server.zadd("webhook:{r}:due", {"one": 1})  # half a minute later

    assert ledger.run(ClaimLetters("r", 10)) == [letter]
    ledger.run(SettleLetter("r", letter))
    ledger.run(SettleLetter("r", letter))  # the first one woke up
    assert ledger.run(ReadWaitingLetters("r")).sessions == 0


async def test_a_receiver_is_told_that_events_are_gone_which_nobody_sent_in_time(
    redis_url, ledger, server, receiver, command, capsys
):
    """As after a day without the events process: what the ledger has forgotten cannot be sent."""
    async with sending(redis_url, receiver.url):
        tell(ledger, "one")
        await taken(ledger, receiver)
    stands_at(server, receiver, days_ago=2)
    server.delete("events:told")
    tell(ledger, "one")
    last = server.xrevrange("events:told", count=1)
    receiver.got.clear()

    async with sending(redis_url, receiver.url) as couriers:
        await until(lambda: len(receiver.got) >= 2)
        figures = await gauges(couriers, couriers[0]._ledger)()

    events = [json.loads(body) for body in receiver.bodies[1:]]
    (gap,) = [event for event in events if event["type"] == "stream.gap"]
    (sent,) = [event for event in events if event["type"] != "stream.gap"]
    assert sent["id"] == last[0][0]
    assert gap["since"] <= gap["until"] == sent["time"]
    assert figures[f'greenroom_webhook_gaps_total{{receiver="{couriers[0].receiver}"}}'] == 1
    assert command("list") == 0
    assert "1 time events were gone" in capsys.readouterr().out


async def test_a_receiver_that_has_all_is_told_of_no_gap(redis_url, ledger, receiver):
    async with sending(redis_url, receiver.url):
        tell(ledger, "one")
        await taken(ledger, receiver)
    tell(ledger, "one")
    async with sending(redis_url, receiver.url):
        await until(lambda: len(receiver.got) == 2)

    assert ledger.run(ReadWaitingLetters(receiver_of(receiver.url))).gaps == 0


async def test_a_receiver_that_has_all_is_told_of_no_gap_although_the_ledger_has_forgotten_it(
    redis_url, ledger, server, receiver
):
    """Behind a quiet day, and a restart, nobody knew whether anything had happened in it."""
    async with sending(redis_url, receiver.url):
        tell(ledger, "one")
        await taken(ledger, receiver)
    stands_at(server, receiver, days_ago=0.9)
    server.delete("events:told")
    tell(ledger, "one")
    async with sending(redis_url, receiver.url):
        await until(lambda: len(receiver.got) == 2)

    assert ledger.run(ReadWaitingLetters(receiver_of(receiver.url))).gaps == 0


async def test_who_has_all_goes_on_having_it_however_long_nothing_happens(
    redis_url, ledger, server, receiver
):
    server.delete("events:told")
    async with sending(redis_url, receiver.url):
        stands_at(server, receiver, days_ago=5)
        hours_ago = datetime.now(UTC) - timedelta(hours=1.5)
        await until(lambda: int(cursor_of(server, receiver).split("-")[0]) > hours_ago.timestamp() * 1000)
    tell(ledger, "one")
    async with sending(redis_url, receiver.url):
        await until(lambda: len(receiver.got) == 1)

    assert ledger.run(ReadWaitingLetters(receiver_of(receiver.url))).gaps == 0


def cursor_of(server, receiver):
    return server.get(f"webhook:{{{receiver_of(receiver.url)}}}:cursor")


def stands_at(server, receiver, *, days_ago):
    """What was told until then has been put into this receiver's queues."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    server.set(f"webhook:{{{receiver_of(receiver.url)}}}:cursor", f"{int(at.timestamp() * 1000)}-0")


async def test_while_redis_is_away_the_metrics_say_what_is_known():
    nowhere = AsyncRedisLedger(f"redis://127.0.0.1:{free_port()}/0")
    courier = Courier("https://example.com/hook", SECRET, ledger=nowhere, feed=Feed(nowhere))
    courier.sent = 3
    try:
        figures = await gauges([courier], nowhere)()
    finally:
        await nowhere.close()

    of = f'{{receiver="{courier.receiver}"}}'
    assert figures == {f"greenroom_webhooks_sent_total{of}": 3, f"greenroom_webhooks_failed_total{of}": 0}


async def dead(redis_url, ledger, receiver):
    """One letter that nobody took for a day."""
    receiver.answer = lambda event: 500
    a_day_later = iter([0, 0, A_DAY + 1, A_DAY + 1, A_DAY + 1, A_DAY + 1])
    import time

    async with sending(redis_url, receiver.url, now=lambda: time.time() + next(a_day_later, 0)):
        tell(ledger, "one")
        await until(lambda: ledger.run(ReadDead(receiver_of(receiver.url))))
    return ledger.run(ReadDead(receiver_of(receiver.url)))[0]


async def test_what_nobody_took_for_a_day_is_seen_and_sent_again_by_hand(
    redis_url, ledger, receiver, command, capsys
):
    letter = await dead(redis_url, ledger, receiver)

    def run(what, its_id=None):
        code = command(what, its_id)
        return code, capsys.readouterr().out

    assert (letter.session, letter.because) == ("one", "status 500")
    code, said = run("list")
    assert code == 0 and letter.id in said and "status 500" in said
    assert json.loads(run("show", letter.id)[1])["id"] == letter.id
    assert run("resend", "nothing")[0] == 1
    assert run("resend", letter.id)[0] == 0
    assert letter.id not in run("list")[1]
    receiver.answer = lambda event: 200
    before = len(receiver.got)
    async with sending(redis_url, receiver.url):
        await until(lambda: len(receiver.got) == before + 1)
    assert receiver.headers[-1]["webhook-id"] == letter.id


async def test_a_dead_letter_can_be_dropped_and_holds_nothing_up(redis_url, ledger, receiver, command):
    await dead(redis_url, ledger, receiver)

    assert command("drop", "all") == 0
    assert ledger.run(ReadDead(receiver_of(receiver.url))) == []
    receiver.answer = lambda event: 200
    async with sending(redis_url, receiver.url):
        tell(ledger, "one")
        await until(lambda: (("one", 3)) in receiver.got)


def test_a_pause_grows_to_hours_and_differs():
    assert timedelta(seconds=4) <= pause_after(0) <= timedelta(seconds=6)
    assert all(pause_after(tries) <= timedelta(hours=3.6) for tries in range(1000))
    assert pause_after(20) >= timedelta(hours=2.4)
    assert len({pause_after(3) for _ in range(10)}) > 1


async def test_no_words_are_in_a_letter(redis_url, ledger, receiver):
    async with sending(redis_url, receiver.url):
        ledger.run(Note("one", Happened.MESSAGE_EXPIRED, 7, "a canary sings"))
        await until(lambda: receiver.got)

    assert b"canary" not in receiver.bodies[0]


# Where they must not go


@pytest.fixture
def leads_to(monkeypatch):
    """Let every name lead to these addresses, one after the other."""
    asked = []

    def leads(*addresses):
        left = list(addresses)

        async def getaddrinfo(_loop, host, port, **_):
            asked.append(host)
            address = left.pop(0) if len(left) > 1 else left[0]
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
        return asked

    return leads


async def test_a_name_that_leads_to_a_private_network_is_sent_nothing(
    redis_url, ledger, receiver, leads_to, monkeypatch
):
    """The receiver would take it: it listens at the address to which the name leads, without TLS."""
    leads_to("127.0.0.1")
    monkeypatch.setattr(module, "why_not", lambda *_, **__: None)
    url = f"http://hooks.example.com:{receiver.port}/hook"
    async with sending(redis_url, url, may_be_private=False) as (courier,):
        tell(ledger, "one")
        await until(lambda: courier.failed + courier.sent >= 2)

    assert receiver.got == [] and courier.sent == 0


async def test_a_name_is_asked_for_once_a_connection_which_goes_where_that_led(
    redis_url, ledger, receiver, leads_to, monkeypatch
):
    """DNS rebinding: the first answer is a public address, the second one of ours."""
    asked = leads_to("127.0.0.1", "10.0.0.7")
    monkeypatch.setattr("greenroom.app.events.addresses.is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(module, "why_not", lambda *_, **__: None)
    url = f"http://hooks.example.com:{receiver.port}/hook"
    async with sending(redis_url, url, may_be_private=False):
        tell(ledger, "one")
        await until(lambda: receiver.got)

    assert asked == ["hooks.example.com"]


async def test_a_redirect_is_not_followed(redis_url, ledger, receiver):
    receiver.answer = lambda event: 307
    async with sending(redis_url, receiver.url) as (courier,):
        tell(ledger, "one")
        await until(lambda: courier.failed + courier.sent >= 2)

    assert (courier.sent, receiver.led_elsewhere) == (0, 0)
