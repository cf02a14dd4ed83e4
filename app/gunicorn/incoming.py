"""A client's next request, read until all of it is here: the main loop adds what arrives, and never waits."""

import re
from http import HTTPStatus
from io import BytesIO
from typing import Any

from gunicorn.http import get_parser
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.unreader import Unreader

from greenroom.app.gunicorn.outlet import Outlet
from greenroom.app.gunicorn.refusals import Refused

HEAD_AT_MOST = 32 * 1024  # bytes; tokens and cookies of a proxy fit
BODY_AT_MOST = 128 * 1024  # bytes as sent; the application's own limits are below it
CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]+")


class Received(Unreader):
    """Where gunicorn's parser reads from: what is here; then comes the end, and never a wait."""

    def feed(self, data: bytes) -> None:
        self.buf.seek(0, 2)
        self.buf.write(data)

    def chunk(self, size_hint: int | None = None) -> bytes:
        return b""

    @property
    def held(self) -> bytes:
        value: bytes = self.buf.getvalue()
        return value


class Incoming:
    """What a client has sent of its next request, and of those after it."""

    def __init__(self, cfg: Any, client: Any, outlet: Outlet) -> None:
        self._outlet = outlet
        self._received = Received()
        self._parser = get_parser(cfg, [], client)
        self._parser.unreader = self._received
        self._looked_at = 0  # bytes of the head, or of the chunks, that need no second look
        self.request: Any = None  # gunicorn's; there is one as soon as its head is here

    @property
    def has_bytes(self) -> bool:
        return bool(self._received.held)

    @property
    def has_begun(self) -> bool:
        return self.request is not None or self.has_bytes

    def feed(self, data: bytes) -> None:
        self._received.feed(data)

    def is_whole(self) -> bool:
        """Whether `request` is here with all of its body.

        Raises Refused, whatever gunicorn's parser makes of what is no HTTP, and OSError.
        """
        return (self.request is not None or self._has_head()) and self._has_body()

    def forget(self) -> None:
        """The request has been answered, or refused; what came after it is kept."""
        self.request, self._looked_at = None, 0

    def _has_head(self) -> bool:
        held = self._received.held
        if held.find(b"\r\n\r\n", max(0, self._looked_at - 3)) < 0:
            self._looked_at = len(held)
            if len(held) > HEAD_AT_MOST:
                raise Refused(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                    "head-too-large",
                    f"The request's head is over {HEAD_AT_MOST} bytes.",
                )
            return False
        self.request, self._looked_at = next(self._parser), 0
        return True

    def _has_body(self) -> bool:
        """Whether it is here; it is then in the request, and what came after it waits for the next."""
        request, held = self.request, self._received.held
        reader = request.body.reader
        length = reader.length if isinstance(reader, LengthReader) else len(held)
        if length > BODY_AT_MOST:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"The body is over {BODY_AT_MOST} bytes."
            )
        if isinstance(reader, ChunkedReader):
            is_whole, self._looked_at = _chunks(held, self._looked_at)
        else:
            is_whole = len(held) >= length
        if request._expected_100_continue:
            request._expected_100_continue = False  # gunicorn would say it again
            if not is_whole:
                self._outlet.say_continue()
        if is_whole:
            request.body = BytesIO(request.body.read())
        return is_whole


def _chunks(data: bytes, at: int) -> tuple[bool, int]:
    """Whether the last chunk is here, or one that is none and that the parser will refuse; and where to look on."""
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return len(data) - at > HEAD_AT_MOST, at
        size = data[at:end].split(b";", 1)[0].rstrip(b" \t")
        if not CHUNK_SIZE.fullmatch(size):
            return True, at
        if int(size, 16) == 0:
            return data.find(b"\r\n\r\n", end) >= 0, at
        after = end + 2 + int(size, 16) + 2
        if after > len(data):
            return False, at
        at = after
