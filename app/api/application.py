"""The application: its blueprints, joined."""

import re
from typing import Any

from flask import Flask
from flask_smorest import Api

from greenroom.app import console
from greenroom.app.api import (
    admin,
    analytics,
    assistants,
    auth,
    body,
    conversations,
    docs,
    events,
    headers,
    health,
    offers,
    passes,
    problems,
    quotas,
    rooms,
    sessions,
    users,
    voice,
    webhooks,
)
from greenroom.app.api.services import Services

OPEN_TO = ("session", "pass", "resume")  # what opens some views beside the key, as app/access.py marks them
BODY_AT_MOST = 16 * 1024  # bytes; offers may have more (`body.accepts`)


class ProblemApi(Api):
    """flask-smorest's OpenAPI, without its own format of errors."""

    ERROR_SCHEMA = problems.ProblemSchema

    def _register_error_handlers(self) -> None:
        problems.register(self._app)

    def _register_responses(self) -> None:
        self.DEFAULT_RESPONSE_CONTENT_TYPE = problems.MEDIA_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE  # the class's own is for all other answers

    def say_who_may(self) -> None:
        """Which operations need the key, and which take a session's token or a pass as well."""
        for rule in self._app.url_map.iter_rules():
            view = self._app.view_functions[rule.endpoint]
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            for method in rule.methods or ():
                operation = self.spec._paths.get(path, {}).get(method.lower())
                if operation is None:
                    continue
                if getattr(view, "is_public", False):
                    operation["security"] = []
                elif others := [name for name in OPEN_TO if getattr(view, f"is_open_to_{name}", False)]:
                    operation["security"] = [{name: []} for name in ("key", *others)]


def register(app: Flask, services: Services) -> Flask:
    """Join the blueprints to an application."""
    app.config.update(
        API_TITLE="Greenroom",
        API_VERSION="1",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        MAX_CONTENT_LENGTH=BODY_AT_MOST,
        API_SPEC_OPTIONS=_spec_options(),
    )
    app.extensions["greenroom"] = services
    app.url_map.merge_slashes = False  # a room's URL in a path has two in a row
    headers.register(app)
    auth.register(app)
    quotas.register(app)
    app.before_request(body.apply_limit)
    api = ProblemApi(app)
    for blueprint in (
        rooms.bp,
        admin.bp,
        assistants.bp,
        passes.bp,
        sessions.bp,
        offers.bp,
        events.bp,
        conversations.bp,
        analytics.bp,
        users.bp,
        voice.bp,
        webhooks.bp,
        health.bp,
    ):
        api.register_blueprint(blueprint)
    api.say_who_may()
    app.register_blueprint(docs.bp)
    app.register_blueprint(console.bp)
    return app


def _spec_options() -> dict[str, Any]:
    return {
        "info": {"description": "Puts exactly one bot in a room, and keeps it there."},
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The API key, which opens everything.",
                },
                "pass": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A pass for one room, from POST /passes or `greenroom link`.",
                },
                "resume": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A `resume_token` that came with `connect`: good for one return.",
                },
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token that /join gave for that session.",
                },
            }
        },
        "security": [{"key": []}],
    }
