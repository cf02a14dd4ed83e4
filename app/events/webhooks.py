"""Webhooks: what is told, sent to the receivers that the operator names, signed, in order for each session.

A receiver has queues and connections of its own, so one that is slow or away delays no other; and a session whose
letter is not taken delays no other session.  Letters are in the ledger: whichever process is alive sends them.
"""

import asyncio
import base64
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from itertools import islice

import aiohttp
import structlog

from greenroom.app.backend.signing import digest
from greenroom.app.errors.storage import RedisAway
from greenroom.app.events.addresses import Checked
from greenroom.app.events.feed import Feed, order_of
from greenroom.app.events.schema import GAP, moment
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.ledger import AsyncLedger
from greenroom.app.rooms.letters import (
    TRIED_FOR,
    ClaimLetters,
    DeadLetter,
    Letter,
    PutLetters,
    ReadCursor,
    ReadWaitingLetters,
    SettleLetter,
    receiver_of,
)
from greenroom.app.rooms.told import Place
from greenroom.app.settings import Settings
from greenroom.app.settings.receivers import why_not

ANSWERS_WITHIN = timedelta(seconds=10)
AT_ONCE = 16  # letters on their way to one receiver
PUT_AT_ONCE = 500  # letters put into queues in one step
STAYS_BEHIND = timedelta(
    hours=1
)  # a cursor that moves on by itself: the feed has read by then what was told before
LOOKS_EVERY = 1.0  # seconds, for letters whose time has come; new ones go at once
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=3)
OF_NO_SESSION = "-"  # the queue of what tells of no session
SECRET_PREFIX = "whsec_"  # of one in base64, as standard-webhooks has it

log = structlog.get_logger(__name__)


def pause_after(tries: int) -> timedelta:
    """Thrice as long each time, up to three hours, and never as long as that of others."""
    thrice: int = 3 ** min(tries, 20)
    pause = min(FIRST_PAUSE * thrice, LONGEST_PAUSE)
    return pause * random.uniform(0.8, 1.2)


def headers_of(secret: str, letter_id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of a letter, as standard-webhooks has them."""
    key = (
        base64.b64decode(secret.removeprefix(SECRET_PREFIX))
        if secret.startswith(SECRET_PREFIX)
        else secret.encode()
    )
    signed = base64.b64encode(digest(key, letter_id, str(at), body)).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Greenroom",
        "webhook-id": letter_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signed}",
    }


class Courier:
    """Sends one receiver what is told."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        ledger: AsyncLedger,
        feed: Feed,
        may_be_private: bool = False,
        now: Callable[[], float] = time.time,
        pause: Callable[[int], timedelta] = pause_after,
    ) -> None:
        self.receiver = receiver_of(url)
        self._url = url
        self._secret = secret
        self._ledger = ledger
        self._feed = feed
        self._may_be_private = may_be_private
        self._now = now
        self._pause = pause
        self._has_news = asyncio.Event()
        self._on_their_way: set[asyncio.Task[None]] = set()
        self.sent = 0
        self.failed = 0

    def wake(self) -> None:
        """There is news."""
        self._has_news.set()

    async def run(self) -> None:
        """Until it is cancelled.  While Redis is away nothing is sent."""
        async with self._session() as session:
            try:
                while True:
                    try:
                        is_all = await self._put()
                        is_all = await self._send(session) and is_all
                    except RedisAway:
                        is_all = True
                    if is_all:
                        await self._wait()
            finally:
                for task in self._on_their_way:
                    task.cancel()
                await asyncio.gather(*self._on_their_way, return_exceptions=True)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOKS_EVERY):
                await self._has_news.wait()
        except TimeoutError:
            pass
        self._has_news.clear()

    async def _put(self) -> bool:
        """Put what has been told since into the queues; whether that was all.  A new receiver begins now."""
        cursor = await self._ledger.run(ReadCursor(self.receiver))
        if not cursor:
            await self._ledger.run(PutLetters(self.receiver, "", self._feed.place.told))
            return True
        news = list(islice(self._feed.told_after(cursor), PUT_AT_ONCE))
        if news:
            letters = [Letter(each.event.session, json.dumps(each.event.as_json())) for each in news]
            is_gap = not await self._feed.has_all_after(Place(told=cursor))
            if is_gap:
                log.error("webhook_events_lost", receiver=self.receiver, since=cursor, until=news[0].entry.id)
                letters.insert(0, Letter(OF_NO_SESSION, json.dumps(self._gap(cursor, news[0].entry.id))))
            step = PutLetters(self.receiver, cursor, news[-1].entry.id, letters, after_gap=is_gap)
            await self._ledger.run(step)
        elif self._now() - order_of(cursor)[0] / 1000 > 2 * STAYS_BEHIND.total_seconds():
            await self._catch_up(cursor)
        return len(news) < PUT_AT_ONCE

    async def _catch_up(self, cursor: str) -> None:
        """Move the cursor on though nothing was told: of one that is a day old nobody can tell what it has missed."""
        upto_ms = await self._ledger.run(Now()) - int(STAYS_BEHIND / timedelta(milliseconds=1))
        if self._feed.is_live and upto_ms > order_of(cursor)[0]:
            await self._ledger.run(PutLetters(self.receiver, cursor, f"{upto_ms}-0"))

    def _gap(self, since: str, until: str) -> dict[str, str]:
        """What tells a receiver that events are gone, as those that were told more than a day ago."""
        return {
            "id": f"gap-{since}",
            "type": GAP,
            "time": moment(int(self._now() * 1000)),
            "session": "",
            "since": moment(order_of(since)[0]),
            "until": moment(order_of(until)[0]),
        }

    async def _send(self, session: aiohttp.ClientSession) -> bool:
        """Send what is due, as far as there is room; whether that was all."""
        room = AT_ONCE - len(self._on_their_way)
        letters = await self._ledger.run(ClaimLetters(self.receiver, room)) if room else []
        for letter in letters:
            task = asyncio.create_task(self._deliver(session, letter))
            self._on_their_way.add(task)
            task.add_done_callback(self._arrived)
        return len(letters) < AT_ONCE

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._on_their_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("webhook_failed", receiver=self.receiver, exc_info=error)
        self.wake()  # its session's next letter goes

    async def _deliver(self, session: aiohttp.ClientSession, letter: Letter) -> None:
        event = json.loads(letter.text)
        because = await self._try(session, event["id"], letter.text.encode())
        if because is None:
            self.sent += 1
            await self._settle(SettleLetter(self.receiver, letter))
            return
        self.failed += 1
        told_at = datetime.fromisoformat(event["time"]).timestamp()
        if self._now() - told_at < TRIED_FOR.total_seconds():
            await self._settle(SettleLetter(self.receiver, letter, again=self._pause(letter.tries)))
            return
        log.error("webhook_given_up", receiver=self.receiver, event_id=event["id"], because=because)
        died_ms = int(self._now() * 1000)
        dead = DeadLetter(event["id"], letter.session, letter.text, letter.tries + 1, because, died_ms)
        await self._settle(SettleLetter(self.receiver, letter, dead=dead))

    async def _settle(self, step: SettleLetter) -> None:
        """Where Redis is away the letter is sent again, and has the same id."""
        try:
            await self._ledger.run(step)
        except RedisAway:
            log.warning("step_write_failed", step=type(step).__name__)

    async def _try(self, session: aiohttp.ClientSession, letter_id: str, body: bytes) -> str | None:
        """Why the receiver has not taken it, if it has not."""
        if because := why_not(self._url, may_be_private=self._may_be_private):
            return because
        headers = headers_of(self._secret, letter_id, int(self._now()), body)
        try:
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                return None if 200 <= answer.status < 300 else f"status {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return type(error).__name__

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=Checked(may_be_private=self._may_be_private),
            use_dns_cache=False,  # an address is looked at, and then connected to, each time
            limit=AT_ONCE,
        )
        timeout = aiohttp.ClientTimeout(total=ANSWERS_WITHIN.total_seconds())
        return aiohttp.ClientSession(
            connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
        )


def couriers(settings: Settings, ledger: AsyncLedger, feed: Feed) -> list[Courier]:
    """One for each receiver that is set."""
    return [
        Courier(
            url, settings.webhook_secret, ledger=ledger, feed=feed, may_be_private=settings.webhook_private
        )
        for url in settings.webhook_urls
    ]


def gauges(couriers: list[Courier], ledger: AsyncLedger) -> Callable[[], Awaitable[Mapping[str, float]]]:
    """What the metrics say of the receivers."""

    async def read() -> Mapping[str, float]:
        figures: dict[str, float] = {}
        for courier in couriers:
            of = f'{{receiver="{courier.receiver}"}}'
            figures[f"greenroom_webhooks_sent_total{of}"] = float(courier.sent)
            figures[f"greenroom_webhooks_failed_total{of}"] = float(courier.failed)
            try:
                waiting = await ledger.run(ReadWaitingLetters(courier.receiver))
            except RedisAway:
                continue  # what is not known is not said to be 0
            figures[f"greenroom_webhook_sessions_waiting{of}"] = float(waiting.sessions)
            figures[f"greenroom_webhooks_dead{of}"] = float(waiting.dead)
            figures[f"greenroom_webhooks_dropped_total{of}"] = float(waiting.dropped)
            figures[f"greenroom_webhook_gaps_total{of}"] = float(waiting.gaps)
        return figures

    return read
