"""Errors as replies: problem+json, one sentence that a person can act on."""

import json
from collections.abc import Mapping
from http import HTTPStatus

import structlog
from flask import Flask, Response
from marshmallow import INCLUDE, Schema, fields
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from greenroom.app.api.schemas.fields import sentence
from greenroom.app.errors import families
from greenroom.app.errors.bots import BotFailed
from greenroom.app.errors.callers import UnknownHost
from greenroom.app.errors.limits import InboxFull, TooManyStreams

STATUS: Mapping[type[families.GreenroomError], HTTPStatus] = {
    families.Rejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    families.Unauthorized: HTTPStatus.UNAUTHORIZED,
    families.Forbidden: HTTPStatus.FORBIDDEN,
    families.Missing: HTTPStatus.NOT_FOUND,
    families.Conflict: HTTPStatus.CONFLICT,
    families.Gone: HTTPStatus.GONE,
    UnknownHost: HTTPStatus.MISDIRECTED_REQUEST,
    InboxFull: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyStreams: HTTPStatus.TOO_MANY_REQUESTS,
    families.QuotaReached: HTTPStatus.TOO_MANY_REQUESTS,
    families.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    BotFailed: HTTPStatus.BAD_GATEWAY,
    families.TimedOut: HTTPStatus.GATEWAY_TIMEOUT,
}

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger(__name__)


class ProblemSchema(Schema):
    """What every error looks like (RFC 9457); some tell more."""

    class Meta:
        unknown = INCLUDE

    type = fields.String(metadata={"description": "urn:greenroom:problem: and a stable word"})
    title = fields.String()
    status = fields.Integer()
    detail = fields.String(metadata={"description": "One sentence that says what to do"})


def register(app: Flask) -> None:
    app.register_error_handler(families.GreenroomError, _expected)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _bug)


def problem(
    status: int, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **facts: object
) -> Response:
    body = {
        "type": f"urn:greenroom:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **{name: value for name, value in facts.items() if value is not None},
    }
    return Response(json.dumps(body), status, dict(headers or {}), mimetype=MEDIA_TYPE)


def _expected(error: families.GreenroomError) -> Response:
    status = next((STATUS[family] for family in type(error).__mro__ if family in STATUS), None)
    if status is None:
        return _bug(error)
    headers = {}
    if retry_after := getattr(error, "retry_after", None):
        headers["Retry-After"] = str(retry_after)
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="greenroom"'
    return problem(status, error.kind, str(error), headers=headers, **error.facts)


def _http(error: HTTPException) -> Response:
    """Answer what werkzeug, Flask and webargs refuse."""
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    messages = getattr(error, "data", {}).get("messages")
    if messages:
        return problem(status, "invalid", sentence(messages), errors=messages)
    headers = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    kind = (error.name or "error").lower().replace(" ", "-")
    return problem(status, kind, _advice(error) or error.description or error.name, headers=headers)


def _advice(error: HTTPException) -> str | None:
    """A sentence for the statuses where werkzeug's own is written for people with a browser."""
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        methods = sorted({*error.valid_methods} - {"HEAD", "OPTIONS"})
        return f"That method is not allowed here; use {' or '.join(methods)}."
    if isinstance(error, NotFound):
        return "That path was not found here; /docs shows those that there are."
    return None


def _bug(error: Exception) -> Response:
    log.error("request_failed", exc_info=error)
    detail = "Something broke on our side; it has been logged."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", detail)
