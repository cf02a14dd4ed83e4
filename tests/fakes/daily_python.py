"""A stand-in at daily-python's boundary: its CallClient, without media, in the rooms of the stand-in of Daily's API.

It does what pipecat's transport needs of it, as daily-python's reference has it: completions and events come from a
thread of its own.  Nothing here has been compared with Daily itself.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from pipecat.transports.daily import transport

from tests.fakes.daily_server import DailyServer, NotLetIn


class Meetings:
    """Who is in which room through `CallClient`, and what they were told."""

    def __init__(self, server: DailyServer) -> None:
        self.server = server
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="daily-python")
        self.clients: list[FakeCallClient] = []
        self.inits = 0
        self.loud = False  # a bot was heard
        self.pictures: list[bytes] = []  # and seen
        self.media: dict[str, dict[str, Any]] = {}  # what participants send, by their sid, in Daily's words
        self.holds_completions = False  # of joins: they are in, and are not told
        server.gone = self._gone

    def client(self, event_handler: Any) -> "FakeCallClient":
        client = FakeCallClient(self, event_handler)
        self.clients.append(client)
        return client

    def those_in(self, room: str) -> "list[FakeCallClient]":
        return [each for each in self.clients if each.room == room]

    def arrive(self, room: str, token: str | None = None, user_name: str = "") -> str:
        """Somebody who is no bot of this process joins."""
        sid = self.server.join(room, token, user_name)
        for client in self.those_in(room):
            client.tell("on_participant_joined", self.about(room, sid))
        return sid

    def leave(self, room: str, sid: str) -> None:
        said = self.about(room, sid)
        self.server.leave(room, sid)
        for client in self.those_in(room):
            client.tell("on_participant_left", said, "leftCall")

    def write(self, room: str, sid: str, message: Any) -> None:
        """Somebody sends an app message."""
        for client in self.those_in(room):
            client.tell("on_app_message", message, sid)

    def about(self, room: str, sid: str) -> dict[str, Any]:
        """A participant, as daily-python describes one."""
        said = next(each for each in self.server.people[room] if each["id"] == sid)
        info = {"userId": said["userId"], "userName": said["userName"], "isLocal": False, "isOwner": False}
        return {"id": sid, "info": info, "media": self.media.get(sid, {})}

    def _gone(self, sid: str) -> None:
        """Somebody was ejected."""
        for client in self.clients:
            if client.sid == sid:
                client.lose("ejected")


class FakeCallClient:
    """What pipecat calls of `daily.CallClient`."""

    def __init__(self, meetings: Meetings, event_handler: Any) -> None:
        self._meetings = meetings
        self._handler = event_handler
        self.room: str | None = None
        self.sid = ""
        self.user_name = ""
        self.joins: list[tuple[str, str | None]] = []
        self.sent: list[Any] = []
        self.sent_to: list[tuple[str | None, Any]] = []
        self.heard: dict[str, Callable[..., Any]] = {}  # audio renderers, by participant
        self.inputs: list[Any] = []  # as they are changed in the call
        self.joined_with: dict[str, Any] = {}
        self.publishing: list[Any] = []
        self.is_released = False

    def tell(self, event: str, *facts: Any) -> None:
        self._meetings.thread.submit(getattr(self._handler, event), *facts)

    def lose(self, why: str) -> None:
        """The call ends without `leave`."""
        self.room, self.sid = None, ""
        self.tell("on_error", why)
        self.tell("on_call_state_updated", "left")

    def set_user_name(self, name: str) -> None:
        self.user_name = name

    def join(
        self, url: str, token: str | None = None, client_settings: Any = None, completion: Any = None
    ) -> None:
        self.joins.append((url, token))
        self.joined_with = client_settings
        room = url.rpartition("/")[2]
        try:
            self.sid = self._meetings.server.join(room, token, self.user_name)
        except NotLetIn as error:
            self._meetings.thread.submit(completion, None, str(error))
            return
        self.room = room
        others = [each["id"] for each in self._meetings.server.people[room] if each["id"] != self.sid]
        there = {sid: self._meetings.about(room, sid) for sid in others}
        data = {"participants": {"local": {"id": self.sid}, **there}, "meetingSession": {"id": "m"}}
        if self._meetings.holds_completions:
            return
        self.tell("on_call_state_updated", "joined")
        self._meetings.thread.submit(completion, data, None)
        for each in there.values():
            self.tell("on_participant_joined", each)

    def leave(self, completion: Any = None) -> None:
        self._meetings.thread.submit(self._leave, completion)

    def _leave(self, completion: Any) -> None:
        if self.is_released:
            return  # released too soon: they stay in the room
        if self.room is not None:
            self._meetings.server.leave(self.room, self.sid)
        self.room, self.sid = None, ""
        self.tell("on_call_state_updated", "left")
        completion(None)

    def release(self) -> None:
        self.is_released = True

    def send_app_message(self, message: Any, participant: str | None = None, completion: Any = None) -> None:
        self.sent.append(message)
        self.sent_to.append((participant, message))
        self._meetings.thread.submit(completion, None)

    def set_audio_renderer(self, participant_id: str, callback: Callable[..., Any], **_: Any) -> None:
        self.heard[participant_id] = callback

    def update_publishing(self, settings: Any, completion: Any = None) -> None:
        self.publishing.append(settings)

    def update_inputs(self, settings: Any, completion: Any = None) -> None:
        self.inputs.append(settings)

    def update_subscriptions(
        self, participant_settings: Any = None, profile_settings: Any = None, completion: Any = None
    ) -> None:
        self._meetings.thread.submit(completion, None)

    def update_subscription_profiles(self, settings: Any, completion: Any = None) -> None:
        pass

    def participants(self) -> dict[str, Any]:
        people = self._meetings.server.people.get(self.room or "", [])
        return {each["id"]: self._meetings.about(self.room or "", each["id"]) for each in people}


class FakeSource:
    """A `CustomAudioSource` or `CustomVideoSource`: takes what it is given."""

    meetings: Meetings

    def __init__(self, *_: Any) -> None:
        self.id = "a-track"

    def write_frames(self, frames: bytes, completion: Any = None) -> None:
        self.meetings.loud = self.meetings.loud or any(frames)
        completion(len(frames) // 2)

    def write_frame(self, picture: bytes) -> None:
        self.meetings.pictures.append(picture)


@contextmanager
def meetings(server: DailyServer) -> Iterator[Meetings]:
    """In place of daily-python, for pipecat's transport."""
    there = Meetings(server)

    class FakeDaily:
        @staticmethod
        def init() -> None:
            there.inits += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "CallClient", there.client)
        patch.setattr(transport, "Daily", FakeDaily)
        source = type("Source", (FakeSource,), {"meetings": there})
        for name in ("CustomAudioSource", "CustomAudioTrack", "CustomVideoSource", "CustomVideoTrack"):
            patch.setattr(transport, name, source)
        patch.setattr(transport.DailyTransportClient, "_daily_initialized", False)
        yield there
    there.thread.shutdown()
