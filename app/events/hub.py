"""Sends each event to all who want it here, as server-sent events.

An event is made into bytes once, and each listener's connection is written to at once: five thousand cost some tens of
milliseconds.  Who reads too slowly is hung up on, and comes back with the last id that they had.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from greenroom.app.events.feed import Feed, Happened, text_of
from greenroom.app.events.schema import ENDED, GAP
from greenroom.app.events.wanted import Wanted
from greenroom.app.rooms.told import Place

UNREAD_AT_MOST = 256 * 1024  # bytes that a listener has not read
STAYS_AFTER_END = 1.0  # seconds that a session's stream stays open after its end, for what is told with it
AT_ONCE = 200  # events that one who catches up is sent at a time
HEARTBEAT = b": still here\n\n"
LOST = (
    f'event: {GAP}\ndata: {{"type": "{GAP}"}}\n\n'.encode()
)  # what was told since that id is not all here any more


def framed(data: bytes) -> bytes:
    """A chunk, as HTTP sends parts of an answer whose length nobody knows."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def told(happened: Happened, *, for_browser: bool) -> bytes:
    event = happened.event
    data = json.dumps(event.as_json(for_browser=for_browser), separators=(",", ":"))
    return f"id: {text_of(happened.place)}\nevent: {event.type}\ndata: {data}\n\n".encode()


@dataclass(eq=False)
class Stream:
    """One listener's connection."""

    transport: asyncio.Transport
    wanted: Wanted
    for_browser: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> tuple[Wanted, bool]:
        return self.wanted, self.for_browser

    def send(self, chunk: bytes) -> bool:
        """False if the listener is too slow, and hung up on."""
        if self.transport.is_closing():
            self.over.set()
            return True
        if self.transport.get_write_buffer_size() > UNREAD_AT_MOST:
            self.transport.abort()
            self.over.set()
            return False
        self.transport.write(chunk)
        return True


@dataclass(frozen=True)
class Missed:
    """Some of what came after a place."""

    data: bytes
    place: Place  # after it; where it is the one that was asked for, this is all


Group = tuple[Wanted, bool]


class Hub:
    """The listeners of this process, together with those who want the same."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._groups: dict[str | None, dict[Group, set[Stream]]] = {}  # by the session that is wanted
        self.streams = 0
        self.dropped = 0  # listeners that were too slow
        self.sent = 0  # events, to each listener

    def add(self, stream: Stream) -> None:
        self._groups.setdefault(stream.wanted.session, {}).setdefault(stream.key, set()).add(stream)
        self.streams += 1

    def remove(self, stream: Stream) -> None:
        """Safe to repeat."""
        groups = self._groups.get(stream.wanted.session, {})
        streams = groups.get(stream.key, set())
        if stream in streams:
            streams.discard(stream)
            self.streams -= 1
        if not streams:
            groups.pop(stream.key, None)
        if not groups:
            self._groups.pop(stream.wanted.session, None)

    def publish(self, news: Sequence[Happened]) -> None:
        """Send what is new to all who want it."""
        sessions = {happened.event.session for happened in news}
        for of in (None, *sessions):
            for (wanted, for_browser), streams in self._groups.get(of, {}).items():
                theirs = [happened for happened in news if wanted.takes(happened.event)]
                if theirs:
                    self._send(b"".join(told(each, for_browser=for_browser) for each in theirs), streams)
                    self.sent += len(theirs) * len(streams)
                if of is not None and any(is_end(each) for each in news if each.event.session == of):
                    self.end_soon(streams)

    def end_soon(self, streams: Iterable[Stream]) -> None:
        """Of a session that has ended: what is told with its end still goes to them."""
        asyncio.get_running_loop().call_later(STAYS_AFTER_END, end, tuple(streams))

    def beat(self) -> None:
        """Keep proxies from closing quiet streams."""
        for groups in list(self._groups.values()):
            for streams in groups.values():
                self._send(HEARTBEAT, streams)

    def close(self) -> None:
        """Hang up on everybody: they come back, to the next process."""
        for groups in list(self._groups.values()):
            for streams in groups.values():
                end(tuple(streams))

    def _send(self, data: bytes, streams: Iterable[Stream]) -> None:
        chunk = framed(data)
        self.dropped += sum(not stream.send(chunk) for stream in streams)

    def missed(self, wanted: Wanted, place: Place, *, for_browser: bool) -> Missed:
        """The next of what came after a place."""
        parts: list[bytes] = []
        for happened in islice(self._feed.after(place, wanted.session), AT_ONCE):
            place = happened.place
            if wanted.takes(happened.event):
                parts.append(told(happened, for_browser=for_browser))
        return Missed(b"".join(parts), place)

    def has_ended(self, wanted: Wanted) -> bool:
        """Whether it is one session that is wanted, and it is over."""
        return wanted.session is not None and self._feed.has_ended(wanted.session)

    def is_all_told(self, wanted: Wanted, place: Place) -> bool:
        """Whether nothing that is wanted comes after a place any more."""
        rest = self._feed.after(place, wanted.session)
        return self.has_ended(wanted) and not any(wanted.takes(happened.event) for happened in rest)


def is_end(happened: Happened) -> bool:
    return happened.event.type == ENDED


def end(streams: Iterable[Stream]) -> None:
    for stream in streams:
        stream.over.set()
