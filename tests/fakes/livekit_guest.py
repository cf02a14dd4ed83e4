"""Somebody in a LiveKit room: a real client that speaks from a file, hears each other one, and reads what is sent."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from tests.fakes.client import Client, is_audible, recorded

RATE = 48_000
FRAME = RATE // 100  # 10 ms

Picture = NDArray[np.uint8]  # rows of places of red, green and blue


class Guest(Client):
    """`async with Guest(joined["connect"]) as guest:` is in the room, with a microphone."""

    def __init__(self, connect: dict[str, Any]) -> None:
        super().__init__()
        self.room = rtc.Room()
        self.heard_ms: Counter[str] = Counter()  # of audible sound, by the identity that it came from
        self.tracks: list[tuple[str, str]] = []  # (identity, sid) of those that sound could come from, ever
        self.pictures: dict[str, Picture] = {}  # the last, of each camera that is on, by identity
        self._on: set[str] = set()  # sids of tracks that are
        self.put_out: int | None = None  # why the room parted with us
        self._connect = connect
        self._samples = np.zeros(0, dtype=np.int16)
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=200)
        self.microphone: rtc.LocalAudioTrack
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Guest":
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("track_unsubscribed", self._unsubscribed)
        self.room.on("data_received", self._received)
        self.room.on("disconnected", self._disconnected)
        self.room.on("participant_connected", lambda _: self.greet())
        await self.room.connect(self._connect["url"], self._connect["room_token"])
        self.microphone = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        await self.room.local_participant.publish_track(
            self.microphone, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        self._tasks.append(asyncio.create_task(self._speak()))
        self.greet()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self.room.disconnect()
        await self._source.aclose()

    @property
    def bots(self) -> list[str]:
        """The identities of bots that are here."""
        return [each for each in self.room.remote_participants if each.startswith("bot:")]

    @property
    def bot_metadata(self) -> dict[str, Any]:
        (bot,) = [each for each in self.room.remote_participants.values() if each.identity.startswith("bot:")]
        said: dict[str, Any] = json.loads(bot.metadata)["greenroom"]
        return said

    def say(self, path: Path) -> None:
        self._samples = np.concatenate([self._samples, recorded(path, RATE)])

    def send(self, kind: str, data: object = None) -> None:
        """An RTVI message."""
        message = json.dumps(self.message(kind, data))
        work = self.room.local_participant.publish_data(message, reliable=True)
        self._tasks.append(asyncio.ensure_future(work))

    def so_far(self) -> str:
        return f"heard {self.heard_ms}, {super().so_far()}"

    def _received(self, packet: rtc.DataPacket) -> None:
        if packet.participant is not None and packet.participant.identity.startswith("bot:"):
            self._takes(packet.participant, json.loads(packet.data))

    def _takes(self, bot: rtc.RemoteParticipant, message: dict[str, Any]) -> None:
        self.messages.append(message)

    def _disconnected(self, reason: Any) -> None:
        self.put_out = int(reason)

    def _subscribed(self, track: Any, _: Any, participant: rtc.RemoteParticipant) -> None:
        self._on.add(track.sid)
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self.tracks.append((participant.identity, participant.sid))
            self._tasks.append(asyncio.create_task(self._listen(track, participant)))
        else:
            self._tasks.append(asyncio.create_task(self._watch(track, participant.identity)))

    def _unsubscribed(self, track: Any, _: Any, participant: rtc.RemoteParticipant) -> None:
        self._on.discard(track.sid)
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            self.pictures.pop(participant.identity, None)

    async def _watch(self, track: Any, identity: str) -> None:
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.RGB24)
        async for event in stream:
            if track.sid not in self._on:
                return  # a picture that was still on its way when the camera went off
            shape = (event.frame.height, event.frame.width, 3)
            self.pictures[identity] = np.frombuffer(event.frame.data, dtype=np.uint8).reshape(shape)

    async def _listen(self, track: Any, participant: rtc.RemoteParticipant) -> None:
        async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
            if track.sid not in self._on:
                return  # the client lets the next one's sound out of the old one's stream as well
            self._hears(participant, np.frombuffer(event.frame.data, dtype=np.int16))

    def _hears(self, participant: rtc.RemoteParticipant, samples: NDArray[np.int16]) -> None:
        if is_audible(samples):
            self.heard_ms[participant.identity] += 1000 * samples.size // RATE

    async def _speak(self) -> None:
        """Silence, and what `say` was given; the source takes it in real time."""
        while True:
            part, self._samples = self._samples[:FRAME], self._samples[FRAME:]
            frame = rtc.AudioFrame(np.pad(part, (0, FRAME - len(part))).tobytes(), RATE, 1, FRAME)
            await self._source.capture_frame(frame)
