"""pipecat's client of a Daily room, which a bot's place in the room may hold."""

import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from pipecat.frames.frames import OutputAudioRawFrame
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.daily.transport import (
    DailyCallbacks,
    DailyInputTransport,
    DailyOutputTransport,
    DailyParams,
    DailyTransportClient,
)

CLOSES_WITHIN = timedelta(seconds=2)


class Holder(Protocol):
    """Who decides when a client joins, and what its bot learns of the room.

    Daily describes a participant by a stay (`id`) and, under `info`, by who they are.
    """

    @property
    def takes_part(self) -> bool:
        """Whether the bot is heard and hears; else it is in the room, and no more than that."""
        ...

    async def when_part(self, happening: Callable[[], Awaitable[None]]) -> None:
        """Let the bot learn of something as soon as it takes part."""
        ...

    async def join(self, client: "Client") -> tuple[Any, Any]:
        """What Daily says of the room, and what went wrong."""
        ...

    def saw(self, participant: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Somebody is there; what the bot is told of them, or None."""
        ...

    def missed(self, participant: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Somebody has left; what the bot is told of them, or None."""
        ...

    async def accepts(self, message: Any, sender: str) -> bool:
        """Whether the bot gets what a participant has sent."""
        ...

    def identity_of(self, stay: str) -> str:
        """Who a participant is, as the bot knows people in rooms of all kinds."""
        ...

    def leaves(self) -> None:
        """The bot itself is about to leave."""
        ...

    def parted(self, *, was_in: bool, because: str) -> None:
        """The call is over; in Daily's own words, if something went wrong."""
        ...


class Client(DailyTransportClient):
    """pipecat's client, which joins when its holder lets it, can be silenced, and turns its camera on and off."""

    _holder: Holder | None = None
    _is_silent = False
    _is_paused = False
    _has_camera = False
    _is_in = False  # as we were told
    _may_be_in = False  # as Daily may see it
    _last_words = ""  # of Daily's, when something went wrong

    def __init__(
        self,
        room_url: str,
        token: str | None,
        bot_name: str,
        params: DailyParams,
        callbacks: DailyCallbacks,
        transport_name: str,
    ) -> None:
        super().__init__(room_url, token, bot_name, params, self._by_holder(callbacks), transport_name)

    def held_by(self, holder: Holder, name: str) -> None:
        """`name` is what people see."""
        self._holder, self._bot_name = holder, name

    @property
    def is_in(self) -> bool:
        return self._is_in

    def identity_of(self, stay: str) -> str:
        return stay if self._holder is None else self._holder.identity_of(stay)

    # Coming and going

    async def _join(self) -> tuple[Any, Any]:
        return await (super()._join() if self._holder is None else self._holder.join(self))

    async def join_once(self, token: str, *, is_seen: bool) -> tuple[Any, Any]:
        """What Daily says of the room, and what went wrong."""
        self._token, self._may_be_in = token, True
        if self._has_camera:
            self._params.camera_out_enabled = is_seen
        data, error = await super()._join()
        self._is_in = self._is_in or not error
        if self._is_paused:
            self._turn_sound(is_on=False)
        return data, error

    async def _leave(self) -> Any:
        error = await super()._leave()
        self._may_be_in = bool(error)
        return error

    def release(self) -> None:
        """Leave, if need be, and let go of daily-python's client.  Blocks; safe to repeat."""
        self._cleanup()

    def _cleanup(self) -> None:
        """pipecat calls it in a thread; a bot that was cancelled may be in the room still."""
        if self._may_be_in and self._client is not None:
            self._may_be_in = False
            left = threading.Event()
            self._client.leave(completion=lambda *_: left.set())
            left.wait(CLOSES_WITHIN.total_seconds())
        super()._cleanup()

    def on_error(self, message: str) -> None:
        """Daily's own event, to which pipecat does not listen; from a thread of Daily's."""
        self._last_words = str(message)

    # What others hear and see of the bot

    def silence(self) -> None:
        """Be heard no more, from this moment."""
        self._is_silent = True
        if self._is_in and self._client is not None:
            self._client.update_publishing({"microphone": {"isPublishing": False}})

    def pause(self) -> None:
        """Neither be heard nor hear, and stay: Daily sends nobody's voice any more."""
        self._is_paused = True
        self._turn_sound(is_on=False)

    def resume(self) -> None:
        """Be heard and hear again, unless another bot has the room."""
        self._is_paused = False
        self._turn_sound(is_on=True)

    def _turn_sound(self, *, is_on: bool) -> None:
        if not self._is_in or self._client is None:
            return
        heard = "subscribed" if is_on else "unsubscribed"
        self._client.update_publishing({"microphone": {"isPublishing": is_on and not self._is_silent}})
        self._client.update_subscription_profiles({"base": {"microphone": heard}})

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        is_apart = self._holder is not None and not self._holder.takes_part
        return (
            True if self._is_silent or self._is_paused or is_apart else await super().write_audio_frame(frame)
        )

    def prepare_camera(self) -> None:
        """Before the pipeline is set up: have a camera, which may be off."""
        self._has_camera = self._params.video_out_enabled = True

    def turn_camera(self, *, is_on: bool) -> None:
        if not self._is_in or self._client is None or self._camera_track is None:
            return
        camera = {"isEnabled": is_on, "settings": {"customTrack": {"id": self._camera_track.track.id}}}
        self._client.update_inputs({"camera": camera})
        self._client.update_publishing({"camera": {"isPublishing": is_on}})

    @property
    def media(self) -> Mapping[str, Any]:
        """What each participant sends, in Daily's words, by stay."""
        there = self._client.participants() if self._is_in and self._client is not None else {}
        return {stay: each.get("media") for stay, each in there.items()}

    # What the bot learns of the room

    def _by_holder(self, callbacks: DailyCallbacks) -> DailyCallbacks:
        """The transport's callbacks, called as the holder allows."""

        async def joined(data: Any) -> None:
            if self._holder is not None:
                for stay, each in data.get("participants", {}).items():
                    if stay != "local":
                        self._holder.saw(each)
            await callbacks.on_joined(data)

        async def when_part(happening: Callable[[], Awaitable[None]]) -> None:
            await (happening() if self._holder is None else self._holder.when_part(happening))

        async def came(participant: Any) -> None:
            told = participant if self._holder is None else self._holder.saw(participant)
            if told is not None:
                await when_part(partial(callbacks.on_participant_joined, told))

        async def left(participant: Any, reason: Any) -> None:
            told = participant if self._holder is None else self._holder.missed(participant)
            if told is not None:
                await when_part(partial(callbacks.on_participant_left, told, reason))

        async def received(message: Any, sender: str) -> None:
            await when_part(partial(read, message, sender))

        async def read(message: Any, sender: str) -> None:
            if self._holder is None or await self._holder.accepts(message, sender):
                await callbacks.on_app_message(message, sender)

        async def leaving() -> None:
            if self._holder is not None:
                self._holder.leaves()
            await callbacks.on_before_leave()

        async def changed(state: str) -> None:
            await callbacks.on_call_state_updated(state)
            if state == "left":
                was_in, self._is_in, self._may_be_in = self._is_in, False, False
                if self._holder is not None:
                    self._holder.parted(was_in=was_in, because=self._last_words)

        return callbacks.model_copy(
            update={
                "on_joined": joined,
                "on_participant_joined": came,
                "on_participant_left": left,
                "on_app_message": received,
                "on_before_leave": leaving,
                "on_call_state_updated": changed,
            }
        )


class Input(DailyInputTransport):
    """pipecat's input, which names people by who they are, as in other rooms: Daily names each stay."""

    async def _on_participant_audio_data(self, participant_id: str, audio: Any, audio_source: str) -> None:
        await super()._on_participant_audio_data(self._identity(participant_id), audio, audio_source)

    async def push_app_message(self, message: Any, sender: str) -> None:
        await super().push_app_message(message, self._identity(sender))

    def _identity(self, stay: str) -> str:
        return self._client.identity_of(stay) if isinstance(self._client, Client) else stay


def client_of(part: FrameProcessor) -> Client | None:
    """The client of the transport in a pipeline; None if a bot has a transport of its own."""
    return next(_clients(part), None)


def _clients(part: FrameProcessor) -> Iterator[Client]:
    if isinstance(part, DailyInputTransport | DailyOutputTransport) and isinstance(part._client, Client):
        yield part._client
    for each in part.processors:
        yield from _clients(each)
