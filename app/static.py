"""Sends static files, read into memory: Flask's streamed answers leave the file open when the browser has it cached."""

import hashlib
import mimetypes
from pathlib import Path

from flask import Response, abort, request
from werkzeug.security import safe_join


def send(folder: Path, name: str) -> Response:
    """Send a file of a folder, or 404.  The browser asks each time, and gets the content if it has changed."""
    path = safe_join(str(folder), name)
    if path is None or not Path(path).is_file():
        abort(404)
    content = Path(path).read_bytes()
    response = Response(content, content_type=_content_type(name))
    response.set_etag(hashlib.sha256(content).hexdigest()[:16])
    response.cache_control.no_cache = True
    response.make_conditional(request)
    return response


def _content_type(name: str) -> str:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    is_text = kind.startswith("text/") or kind in ("application/javascript", "image/svg+xml")
    return f"{kind}; charset=utf-8" if is_text else kind
