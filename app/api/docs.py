"""The API's reference for people, from the machine's own description; nothing is fetched from elsewhere."""

from pathlib import Path

from flask import Blueprint, Response, redirect
from flask.typing import ResponseReturnValue
from swagger_ui_bundle import swagger_ui_path

from greenroom.app.access import public
from greenroom.app.static import send

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Greenroom: the API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true});\n'

# Swagger UI draws with styles in its elements and pictures in its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

bp = Blueprint("docs", __name__)


@bp.after_request
def add_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    return response


@bp.get("/docs")
@public
def page() -> Response:
    return Response(PAGE, mimetype="text/html")


@bp.get("/docs/start.js")
@public
def start() -> Response:
    return Response(START, mimetype="text/javascript")


@bp.get("/docs/<path:name>")
@public
def part(name: str) -> ResponseReturnValue:
    if name not in {"swagger-ui.css", "swagger-ui-bundle.js"}:
        return redirect("/docs")
    return send(Path(swagger_ui_path), name)
