"""What a client gets whose request never reaches the application."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from gunicorn.http import errors as http_errors

from greenroom.app.api.headers import ALWAYS, NOT_KEPT


class Refused(Exception):
    """A request that cannot become one."""

    def __init__(
        self, status: HTTPStatus, kind: str, detail: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(detail)
        self.headers = headers
        self.status, self.kind, self.detail = status, kind, detail

    def as_answer(self) -> bytes:
        """The whole answer, as problem+json; the connection is closed after it."""
        body = json.dumps(
            {
                "type": f"urn:greenroom:problem:{self.kind}",
                "title": self.status.phrase,
                "status": self.status,
                "detail": self.detail,
            }
        ).encode()
        headers = {
            "Content-Type": "application/problem+json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **self.headers,
            **ALWAYS,
            **NOT_KEPT,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n{head}\r\n".encode() + body


BROKEN = Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", "Something broke on our side; it has been logged.")
SLOW = Refused(HTTPStatus.REQUEST_TIMEOUT, "slow", "The rest did not come.")


def refusal_of(error: Exception) -> Refused:
    """What is wrong with a request that gunicorn's parser does not take."""
    match error:
        case http_errors.LimitRequestLine():
            return Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "url-too-long", "The request's URL is too long.")
        case http_errors.LimitRequestHeaders():
            return Refused(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head-too-large",
                "The request's head is too large.",
            )
        case http_errors.UnsupportedTransferCoding():
            return Refused(
                HTTPStatus.NOT_IMPLEMENTED, "unknown-coding", "That Transfer-Encoding is not understood here."
            )
        case http_errors.ExpectationFailed():
            return Refused(
                HTTPStatus.EXPECTATION_FAILED, "unknown-expectation", "Expect 100-continue, or nothing."
            )
    return Refused(HTTPStatus.BAD_REQUEST, "bad-http", "That is not HTTP as the standard has it.")
