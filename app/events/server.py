"""The streams of events over HTTP: `GET /events` for the API key, `GET /sessions/{id}/events` for its tokens too.

One process on one loop serves thousands; what comes to the one port is passed on to it (`app/gunicorn/relay.py`).
"""

import asyncio
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from itsdangerous import TimestampSigner

from greenroom.app.api.auth import read_token, session_tokens
from greenroom.app.api.headers import EVERY, FOR_MACHINES, PREFLIGHT, allows_origin, answers_for
from greenroom.app.api.problems import MEDIA_TYPE, STATUS
from greenroom.app.errors.callers import UnknownHost
from greenroom.app.errors.families import Forbidden, GreenroomError, Missing, Unauthorized
from greenroom.app.errors.limits import Busy, TooManyStreams
from greenroom.app.events import waiting
from greenroom.app.events.feed import Feed, place_of
from greenroom.app.events.hub import LOST, Hub, Stream
from greenroom.app.events.schema import KEPT_FROM_BROWSERS
from greenroom.app.events.wanted import Wanted, wanted_by
from greenroom.app.rooms.ledger import AsyncLedger
from greenroom.app.rooms.sessions import ReadSession
from greenroom.app.rooms.told import Place
from greenroom.app.settings import Settings

STREAMS_AT_MOST = 20_000  # in this process
STREAMS_OF_ONE = 3  # of one user of a session: a page, another window, and one just closing
HEARTBEAT_EVERY = 15.0  # seconds
CATCHES_UP_WITHIN = 30.0  # seconds, for each part of what a listener has missed
LONGEST_ID = 100  # characters of Last-Event-ID that are looked at
METRICS = "/metrics"
OPEN = (*FOR_MACHINES, METRICS)  # they tell nothing of anybody

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Gauges = Callable[[], Awaitable[Mapping[str, float]]]

log = structlog.get_logger(__name__)


class EventServer:
    """Answers requests with streams of what the hub sends."""

    def __init__(self, settings: Settings, ledger: AsyncLedger, feed: Feed, hub: Hub) -> None:
        self._settings = settings
        self._ledger = ledger
        self._feed = feed
        self._hub = hub
        self._tokens: TimestampSigner = session_tokens(settings.signing_secret)
        self._held: Counter[tuple[str, str]] = Counter()
        self.gauges: list[Gauges] = [waiting.gauges(ledger)]

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard], client_max_size=1024)
        application.router.add_get("/events", self._all, allow_head=False)
        application.router.add_get("/sessions/{session_id}/events", self._of_session, allow_head=False)
        application.router.add_get("/livez", self._livez)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get(METRICS, self._metrics)
        return application

    async def beat(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(HEARTBEAT_EVERY)
            self._hub.beat()

    # Who asks

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn errors into problems, and refuse what a page elsewhere may not ask; a stream has its own headers."""
        try:
            host = request.headers.get("Host")
            if host is not None and request.path not in OPEN and not answers_for(self._settings, host):
                raise UnknownHost
            if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
                is_allowed = allows_origin(self._settings, request.headers.get("Origin", ""))
                answer: web.StreamResponse = web.Response(
                    status=HTTPStatus.NO_CONTENT, headers=PREFLIGHT if is_allowed else {}
                )
            else:
                answer = await handler(request)
        except GreenroomError as error:
            answer = problem(error)
        except web.HTTPException as error:
            answer = problem(Missing("That path was not found here."), HTTPStatus(error.status))
        if not answer.prepared:
            answer.headers.update(self._headers(request))
            answer.force_close()  # a connection is for one request: who sends slowly has ten seconds for it
        return answer

    def _headers(self, request: web.Request) -> dict[str, str]:
        headers = {**dict(EVERY), "Vary": "Origin"}
        origin = request.headers.get("Origin")
        if origin is not None and allows_origin(self._settings, origin):
            headers["Access-Control-Allow-Origin"] = origin
        return headers

    def _caller(self, request: web.Request, session_id: str | None) -> tuple[str, str] | None:
        """The session and user that a token names; None for the holder of the key.  Raises Unauthorized, Forbidden."""
        scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not credential:
            raise Unauthorized
        given = credential.encode(errors="surrogateescape")
        if hmac.compare_digest(given, self._settings.api_key.encode()):
            return None
        session, user, _ = read_token(self._tokens, credential)
        if session != session_id:
            raise Forbidden
        return session, user

    # What is asked

    async def _all(self, request: web.Request) -> web.StreamResponse:
        self._caller(request, None)  # a token is one session's
        place, has_all = await self._place(request.headers.get("Last-Event-ID", ""), None)
        return await self._stream(request, wanted_by(request.query), place, has_all=has_all)

    async def _of_session(self, request: web.Request) -> web.StreamResponse:
        session_id = request.match_info["session_id"]
        caller = self._caller(request, session_id)
        wanted = wanted_by(request.query, session=session_id)
        await self._ledger.run(ReadSession(session_id))
        place, has_all = await self._place(request.headers.get("Last-Event-ID", ""), session_id)
        if caller is None:
            return await self._stream(request, wanted, place, has_all=has_all)
        if self._held[caller] >= STREAMS_OF_ONE:
            raise TooManyStreams
        wanted = replace(wanted, without=KEPT_FROM_BROWSERS)
        self._held[caller] += 1
        try:
            return await self._stream(request, wanted, place, has_all=has_all, for_browser=True)
        finally:
            self._held[caller] -= 1
            self._held += Counter()  # without those that hold none

    async def _place(self, last_id: str, session_id: str | None) -> tuple[Place, bool]:
        """Where a listener goes on, and whether all since then is here.

        All events begin now for one who is new, and a session's at its beginning.  An id that is none counts as new.
        """
        place = place_of(last_id) if len(last_id) <= LONGEST_ID else None
        if place is None and session_id is not None and last_id:
            place = self._feed.line_of(session_id, last_id)  # as the history has it, which is JSON
        if place is None:
            return (self._feed.place if session_id is None else Place()), True
        return place, await self._feed.has_all_after(place)

    async def _stream(
        self,
        request: web.Request,
        wanted: Wanted,
        place: Place,
        *,
        has_all: bool,
        for_browser: bool = False,
    ) -> web.StreamResponse:
        if self._hub.is_all_told(wanted, place):
            return web.Response(status=HTTPStatus.NO_CONTENT)  # so that an EventSource does not come back
        if self._hub.streams >= STREAMS_AT_MOST:
            raise Busy
        response = web.StreamResponse(
            headers={**self._headers(request), "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        response.enable_chunked_encoding()
        response.force_close()
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n" + (b"" if has_all else LOST))
        transport = request.transport
        if transport is None:
            return response  # they have gone
        try:
            async with self._listening(Stream(transport, wanted, for_browser), response, place) as stream:
                await stream.over.wait()
        except TimeoutError:  # they read nothing of what they have missed
            self._hub.dropped += 1
            transport.abort()
        return response

    @asynccontextmanager
    async def _listening(
        self, stream: Stream, response: web.StreamResponse, place: Place
    ) -> AsyncIterator[Stream]:
        """Send what came after a place, and then, with nothing between, what comes.

        Raises TimeoutError where nobody reads it.
        """
        while True:
            missed = self._hub.missed(stream.wanted, place, for_browser=stream.for_browser)
            if missed.place == place:
                break
            place = missed.place
            if missed.data:
                async with asyncio.timeout(CATCHES_UP_WITHIN):
                    await response.write(missed.data)  # waits for one who reads slowly
        if self._hub.has_ended(stream.wanted):
            self._hub.end_soon([stream])
        self._hub.add(stream)
        try:
            yield stream
        finally:
            self._hub.remove(stream)

    # For machines

    async def _livez(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _readyz(self, _: web.Request) -> web.Response:
        is_live = self._feed.is_live
        checks = {"redis": "ok" if is_live else "Redis does not answer: nothing new can be told"}
        status = HTTPStatus.OK if is_live else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"ready": is_live, "checks": checks}, status=status)

    async def _metrics(self, _: web.Request) -> web.Response:
        figures = {
            "greenroom_event_streams": float(self._hub.streams),
            "greenroom_events_sent_total": float(self._hub.sent),
            "greenroom_event_streams_dropped_total": float(self._hub.dropped),
        }
        for more in self.gauges:
            figures |= await more()
        return web.Response(text="".join(f"{name} {value:.15g}\n" for name, value in figures.items()))


def problem(error: GreenroomError, status: HTTPStatus | None = None) -> web.Response:
    """An error as the API answers it."""
    found = next((STATUS[family] for family in type(error).__mro__ if family in STATUS), None)
    status = status or found or HTTPStatus.INTERNAL_SERVER_ERROR
    headers = {}
    if retry_after := getattr(error, "retry_after", None):
        headers["Retry-After"] = str(retry_after)
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="greenroom"'
    body: dict[str, Any] = {
        "type": f"urn:greenroom:problem:{error.kind}",
        "title": status.phrase,
        "status": status,
        "detail": str(error),
    }
    return web.Response(text=json.dumps(body), status=status, headers=headers, content_type=MEDIA_TYPE)
