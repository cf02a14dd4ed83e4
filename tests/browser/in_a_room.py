"""People and bots that a test plays in a room of LiveKit, each a real participant, and the HTTP behind the page.

They are others than those of tests/fakes since Playwright blocks the test's thread: these live in a loop of another.
"""

import asyncio
import json
import math
import os
import threading
from array import array
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

import httpx
from flask import Flask
from livekit import rtc
from playwright.sync_api import Page, Route

from greenroom.app.console import bp
from greenroom.app.providers import tokens
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.providers.local import Local
from greenroom.app.rooms.providers import Providers, bot_identity
from greenroom.app.rooms.room import Room
from greenroom.app.settings import Settings
from tests.browser.pages import FakeServer, Reply, TalkPage, served
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import LiveKitServer

T = TypeVar("T")
RATE = 48_000  # samples a second
FRAME = RATE // 100
A_WHILE = timedelta(minutes=10)
WITHIN = 20  # seconds that a step of somebody played may take
WIDTH, HEIGHT = 320, 240  # of a bot's picture

# What comes out of the loudspeaker, of everybody in the room.
EARS = """() => {
    window.heard = 0;
    const context = new AudioContext();
    const known = new WeakMap();
    setInterval(() => {
        for (const voice of document.querySelectorAll("#voices audio")) {
            if (!voice.srcObject || voice.paused || voice.muted) continue;
            if (!known.has(voice.srcObject)) {
                const analyser = new AnalyserNode(context, { fftSize: 2048 });
                context.createMediaStreamSource(voice.srcObject).connect(analyser);
                known.set(voice.srcObject, analyser);
            }
            const samples = new Float32Array(2048);
            known.get(voice.srcObject).getFloatTimeDomainData(samples);
            if (samples.some((sample) => Math.abs(sample) > 0.02)) window.heard += 1;
        }
    }, 50);
}"""


class Venue:
    """A LiveKit server, and a loop in which all who are played live."""

    def __init__(self, server: LiveKitServer) -> None:
        self.server = server
        self.livekit = LiveKit(server.url, server.key, server.secret)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="participants")
        self._thread.start()

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(WITHIN)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def token(self, room: Room, identity: str, *, metadata: str = "", **grants: bool) -> str:
        said = {"iss": self.server.key, "sub": identity, "metadata": metadata}
        video = {"room": room.name, "canSubscribe": True, "canPublishData": True, **grants}
        return tokens.sign(self.server.secret, {**said, "video": video}, A_WHILE)

    def send_out(self, room: Room, identity: str) -> None:
        """As an operator does."""
        token = self.token(room, "operator", roomAdmin=True)
        address = f"{self.server.url.replace('ws', 'http', 1)}/twirp/livekit.RoomService/RemoveParticipant"
        body = {"room": room.name, "identity": identity}
        httpx.post(address, json=body, headers={"Authorization": f"Bearer {token}"}).raise_for_status()

    @contextmanager
    def site(self) -> Iterator[str]:
        """The pages as an installation with this server has them; there is nothing behind them."""
        app = Flask("pages", static_folder=None)
        app.extensions["greenroom"] = SimpleNamespace(
            providers=Providers.of([self.livekit, Local()]), names={}, settings=Settings()
        )
        app.register_blueprint(bp)
        with served(app) as url:
            yield url


class Participant:
    """Somebody in a room, with a voice."""

    def __init__(self, venue: Venue, room: Room) -> None:
        self.venue = venue
        self.room = room
        self.heard: list[tuple[str, dict[str, Any]]] = []  # who said it, and what, of what came as data
        self.voices: set[str] = set()  # of whom we get a voice
        self.muted: set[str] = set()  # who has said so
        self.seen: set[str] = set()  # whose camera is on
        self.is_speaking = False
        self._line: rtc.Room  # of the venue's loop, and so made there
        self._tasks: list[asyncio.Task[None]] = []

    def come(self, token: str) -> None:
        self.venue.run(self._come(token))

    def leave(self) -> None:
        self.venue.run(self._leave())

    def show(self) -> None:
        """A camera's picture."""
        self.venue.run(self._show())

    @property
    def others(self) -> list[str]:
        return list(self._line.remote_participants)

    async def _come(self, token: str) -> None:
        self._line = rtc.Room()
        self._line.on("data_received", self._receive)
        self._line.on("track_subscribed", lambda track, _, who: self._of(track).add(who.identity))
        self._line.on("track_unsubscribed", lambda track, _, who: self._of(track).discard(who.identity))
        self._line.on("track_muted", lambda who, _: self.muted.add(who.identity))
        self._line.on("track_unmuted", lambda who, _: self.muted.discard(who.identity))
        await self._line.connect(self.room.server, token)
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("voice", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self._line.local_participant.publish_track(track, options)
        self._tasks.append(asyncio.create_task(self._hum(source)))

    def _of(self, track: rtc.Track) -> set[str]:
        return self.voices if track.kind == rtc.TrackKind.KIND_AUDIO else self.seen

    async def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._line.disconnect()

    async def _hum(self, source: rtc.AudioSource) -> None:
        tone = array("h", (int(9000 * math.sin(2 * math.pi * 400 * n / RATE)) for n in range(FRAME)))
        silence = array("h", bytes(2 * FRAME))
        while True:
            samples = tone if self.is_speaking else silence
            await source.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE, 1, FRAME))

    async def _show(self) -> None:
        source = rtc.VideoSource(WIDTH, HEIGHT)
        track = rtc.LocalVideoTrack.create_video_track("picture", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
        await self._line.local_participant.publish_track(track, options)
        self._tasks.append(asyncio.create_task(self._paint(source)))

    async def _paint(self, source: rtc.VideoSource) -> None:
        for shade in range(10_000):
            pixel = bytes([40, 120 + shade % 60, 90, 255])
            source.capture_frame(
                rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, pixel * (WIDTH * HEIGHT))
            )
            await asyncio.sleep(0.1)

    def _receive(self, packet: rtc.DataPacket) -> None:
        # Of who has just come in and shows nothing, a room tells after what they say.
        who = packet.participant.identity if packet.participant else ""
        self.heard.append((who, json.loads(packet.data)))

    async def _publish(self, message: dict[str, Any]) -> None:
        await self._line.local_participant.publish_data(json.dumps(message).encode(), reliable=True)


class Person(Participant):
    """Somebody who is in the room by other means than our page."""

    def come_as(self, identity: str) -> "Person":
        self.come(self.venue.livekit.admit(self.room, identity).room_token)
        return self

    def say(self, message: dict[str, Any]) -> None:
        self.venue.run(self._publish(message))


class Bot(Participant):
    """The room's bot; each that comes has an epoch of its own."""

    def __init__(self, venue: Venue, room: Room, *, epoch: int = 1, session_id: str = "s1") -> None:
        super().__init__(venue, room)
        self.epoch, self.session_id = epoch, session_id
        self.is_deaf = False  # a deaf one does not say that it got what was written

    def enter(self) -> "Bot":
        about = {"bot": True, "of": "ann", "session_id": self.session_id, "epoch": self.epoch}
        token = self.venue.token(
            self.room,
            bot_identity(self.room),
            metadata=json.dumps({"greenroom": about}),
            roomJoin=True,
            canPublish=True,
        )
        self.come(token)
        return self

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        self.venue.run(self._tell(kind, data))

    def notice(self, event: str, **facts: str) -> None:
        self.tell("server-message", {"type": "greenroom", "event": event, **facts})

    def say(self, segment: int, said: str, coming: str = "") -> None:
        progress = {"accumulated_text": said, "remaining_text": coming}
        data = {"text": f"{said} {coming}".strip(), "segment_id": segment, "will_be_spoken": True}
        status = "in-progress" if coming else "completed"
        self.tell("bot-output", {**data, "spoken_status": status, "spoken_progress": progress})

    @property
    def texts(self) -> list[str]:
        return [said["data"]["content"] for _, said in self.heard if said["type"] == "send-text"]

    @property
    def met(self) -> int:
        """How often somebody has said that they hear us."""
        return sum(said["type"] == "client-ready" for _, said in self.heard)

    def greet_with(self, event: str, **facts: Any) -> None:
        """Tell it to each who comes, as soon as they are seen: their page may not be all the way in."""

        def greet(_: rtc.RemoteParticipant) -> None:
            told = self._tell("server-message", {"type": "greenroom", "event": event, **facts})
            self._tasks.append(asyncio.get_running_loop().create_task(told))

        self._line.on("participant_connected", greet)

    async def _tell(self, kind: str, data: dict[str, Any]) -> None:
        await self._publish({"label": "rtvi-ai", "type": kind, "id": "1", "data": data})

    def _receive(self, packet: rtc.DataPacket) -> None:
        super()._receive(packet)
        who, said = self.heard[-1]
        if said["type"] == "client-ready":
            self._answer("bot-ready", {})
        if said["type"] == "send-text" and not self.is_deaf:
            text = said["data"]["content"]
            self._answer(
                "user-input", {"text": text, "final": True, "msg_id": said["id"], "user_id": who or None}
            )

    def _answer(self, kind: str, data: dict[str, Any]) -> None:
        self._tasks.append(asyncio.create_task(self._tell(kind, data)))


class RoomServer(FakeServer):
    """What HTTP answers about one room of LiveKit, to whoever asks."""

    def __init__(self, page: Page, venue: Venue, room: Room) -> None:
        super().__init__(page)
        self.venue, self.room = venue, room
        self.fresh = str(room)
        self.person: str | None = None  # as whom everybody is let in; None: as whom they say
        self.join = self.with_()
        self.becomes("live")

    def with_(self, **otherwise: str) -> Reply:
        """Lets everybody in."""

        def reply(route: Route) -> None:
            user_id = self.person or route.request.post_data_json["user_id"]
            admission = self.venue.livekit.admit(self.room, user_id)
            connect = {
                "provider": "livekit",
                "room_url": str(self.room),
                "url": admission.url,
                "room_token": admission.room_token,
                "token": "a-token",
                "user_id": user_id,
                **otherwise,
            }
            said = {"session_id": "s1", "status": "live", "room_url": str(self.room), "bot": "assistant"}
            route.fulfill(json={**said, "connect": connect})

        return reply


class Window(TalkPage):
    """The talk page, in a room of several."""

    hears_within = 20.0  # seconds

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.people = page.get_by_role("list", name="Who is here").get_by_role("listitem")
        self.faces = page.locator("#faces figure")
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def start(self, way: str) -> None:
        """From the page as it opens to the call."""
        self.page.evaluate(EARS)
        self.press(way)
        self.wait_until("live")

    def write(self, text: str) -> None:
        self.words.fill(text)
        self.words.press("Enter")

    def picture_taken(self, name: str) -> None:
        """A picture of the page, for people, where SCREENSHOTS names a folder."""
        if folder := os.environ.get("SCREENSHOTS"):
            self.page.screenshot(path=f"{folder}/{name}.png")

    def wait_until_heard(self) -> None:
        """A third of a second of sound, at least."""
        self.page.evaluate("window.heard = 0")
        eventually(lambda: self.page.evaluate("heard") > 6, within=self.hears_within)


class Guest(Window):
    """It, in a room of LiveKit, with the HTTP played."""

    def __init__(self, page: Page, venue: Venue, room: Room) -> None:
        super().__init__(page)
        self.server = RoomServer(page, venue, room)
        self.room = room

    def enter(self, way: str = "Write instead") -> "Guest":
        self.open(f"/talk?room={self.room}")
        self.start(way)
        return self

    @property
    def user_id(self) -> str:
        return str(self.server.calls("/join")[-1].post_data_json["user_id"])
