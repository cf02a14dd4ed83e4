"""What somebody in a room does in RTVI, whatever carries it: says who they are, writes, and reads what a bot sends."""

import asyncio
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

AUDIBLE = 300  # of 32,767: well above opus's idea of silence


class Client:
    """The half of a person that is the same in a local room and in one of LiveKit's."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []  # what bots sent

    def send(self, kind: str, data: object = None) -> None:
        """An RTVI message."""
        raise NotImplementedError

    def message(self, kind: str, data: object) -> dict[str, object]:
        return {"label": "rtvi-ai", "type": kind, "id": str(len(self.messages)), "data": data}

    def greet(self) -> None:
        self.send("client-ready", {"version": "2.0.0", "about": {"library": "tests"}})

    def type(self, words: str) -> None:
        self.send(
            "send-text", {"content": words, "options": {"run_immediately": True, "audio_response": True}}
        )

    async def until(self, condition: Callable[[Self], object], within: float = 20) -> None:
        """Wait for something to be true; fails loudly, with what was received, if it does not become so."""
        deadline = asyncio.get_running_loop().time() + within
        while not condition(self):
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"it did not come true in {within} s; {self.so_far()}")
            await asyncio.sleep(0.02)

    def so_far(self) -> str:
        return f"received: {self.messages[-20:]}"

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("type") == kind]

    @property
    def transcript(self) -> str:
        """What the bot is written to have said."""
        return " ".join(
            message["data"]["text"] for message in self.of_type("bot-output") if message["data"]["spoken"]
        )


def recorded(path: Path, rate: int) -> NDArray[np.int16]:
    """A recorded voice at another rate, a multiple of its own."""
    with wave.open(str(path)) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), dtype=np.int16)
        return np.repeat(samples, rate // recording.getframerate())


def is_audible(samples: NDArray[np.int16]) -> bool:
    return bool(samples.size and np.abs(samples.astype(np.int32)).max() > AUDIBLE)
