"""A person in a local room: a real WebRTC peer that speaks from a file, listens, and reads what the bot's side says."""

import asyncio
import json
import urllib.error
import urllib.request
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from tests.fakes.client import Client, is_audible, recorded

RATE = 48_000
FRAME = RATE // 50  # 20 ms


def peer_connection() -> RTCPeerConnection:
    """One that finds its peer on this machine.

    By default aiortc first asks Google's STUN server for its address, for five seconds wherever no answer comes.
    """
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


class Microphone(MediaStreamTrack):
    """Silence, and what `say` was given, in real time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._samples = np.zeros(0, dtype=np.int16)
        self._sent = 0
        self._started: float | None = None

    def say(self, path: Path) -> None:
        self._samples = np.concatenate([self._samples, recorded(path, RATE)])

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._started = self._started or loop.time()
        await asyncio.sleep(max(0, self._started + self._sent / RATE - loop.time()))
        part, self._samples = self._samples[:FRAME], self._samples[FRAME:]
        frame = AudioFrame.from_ndarray(np.pad(part, (0, FRAME - len(part)))[None, :], layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += FRAME
        return frame


class Person(Client):
    """`async with Person(joined, url) as person:` is in the room; `person.messages` is what the bot's side sent."""

    connects_within = 15.0  # seconds from the bot's answer

    def __init__(self, url: str, connect: dict[str, Any]) -> None:
        super().__init__()
        self.microphone = Microphone()
        self.heard_ms = 0  # of audible sound
        self.is_connected = asyncio.Event()
        self._offer_url = url + connect["offer_url"]
        self._token = connect["token"]
        self._peer = peer_connection()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Person":
        self._peer.addTrack(self.microphone)
        self._channel = self._peer.createDataChannel("chat", ordered=True)
        self._channel.on("message", lambda text: self.messages.append(json.loads(text)))
        self._channel.on("open", self._opened)
        self._peer.on("track", lambda track: self._tasks.append(asyncio.ensure_future(self._listen(track))))
        await self._peer.setLocalDescription(await self._peer.createOffer())
        answer = await asyncio.to_thread(self._post_offer)
        await self._peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await asyncio.wait_for(self.is_connected.wait(), self.connects_within)
        self._tasks.append(asyncio.ensure_future(self._ping()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._peer.close()

    def send(self, kind: str, data: object = None) -> None:
        """An RTVI message."""
        self._channel.send(json.dumps(self.message(kind, data)))

    def cut(self) -> None:
        """Take the network away, without a goodbye: nothing comes or goes any more."""
        for task in self._tasks:
            task.cancel()
        sctp = self._peer.sctp
        assert sctp is not None
        for protocol in sctp.transport.transport._connection._protocols:
            protocol.transport.abort()

    def _opened(self) -> None:
        self.is_connected.set()
        self.greet()

    async def _ping(self) -> None:
        while True:
            self._channel.send("ping")
            await asyncio.sleep(1)

    async def _listen(self, track: MediaStreamTrack) -> None:
        while track.kind == "audio":
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            if is_audible(frame.to_ndarray()):
                self.heard_ms += 1000 * frame.samples // frame.sample_rate

    async def refusal_of(self, connect: dict[str, Any]) -> dict[str, Any]:
        """What this offer is refused with when it is made as somebody else; fails if it is accepted."""
        try:
            await asyncio.to_thread(self._post_offer, connect["token"])
        except urllib.error.HTTPError as error:
            problem: dict[str, Any] = json.load(error)
            return problem
        raise AssertionError("the offer was accepted")

    def _post_offer(self, token: str = "") -> dict[str, Any]:
        body = {"sdp": self._peer.localDescription.sdp, "type": self._peer.localDescription.type}
        headers = {"Authorization": f"Bearer {token or self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._offer_url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=15) as reply:
            answer: dict[str, Any] = json.load(reply)
        return answer
