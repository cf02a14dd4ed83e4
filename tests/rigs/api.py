"""The web application over fakes, and a client that says what it expects."""

import json
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

KEY = "the-key-of-these-tests"
SIGNS = "what-signs-the-tokens-of-these-tests"


@dataclass
class Caller:
    """Somebody who calls the API, with this credential."""

    client: FlaskClient
    credential: str | None = KEY

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        headers = dict(more.pop("headers", {}))
        if self.credential is not None:
            headers.setdefault("Authorization", f"Bearer {self.credential}")
        if body is not None:
            more |= {"data": json.dumps(body), "content_type": "application/json"}
        return self.client.open(path, method=method, headers=headers, **{"buffered": True, **more})

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> TestResponse:
        return self.call("POST", path, body, **more)

    def with_(self, credential: str | None) -> "Caller":
        return Caller(self.client, credential)


def routes(app: Flask) -> list[tuple[str, str]]:
    """Every method and path of the application, as Flask writes them."""
    return sorted(
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method != "HEAD"
    )


def problem(response: TestResponse, status: int, kind: str) -> dict[str, Any]:
    """The body of a refusal, which must be that one."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    body: dict[str, Any] = json.loads(response.text)
    assert body["type"] == f"urn:greenroom:problem:{kind}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body
