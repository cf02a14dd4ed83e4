"""The endpoints of conversations: which there were, and what was said in one."""

from http import HTTPStatus
from typing import Any

from flask import Response, request, url_for

from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.schemas.conversations import (
    JSON,
    PLAIN,
    VTT,
    ConversationsQuerySchema,
    ConversationsSchema,
    ToldConversationSchema,
    TurnsQuerySchema,
    is_id,
)
from greenroom.app.api.services import asks_database, services
from greenroom.app.errors.sessions import NoSuchConversation
from greenroom.app.rooms.reading import Place, Wanted
from greenroom.app.rooms.transcripts import as_script, as_vtt

TYPES = {"json": JSON, "vtt": VTT, "text": PLAIN}

bp = JsonBlueprint("conversations", __name__, url_prefix="/conversations", description="What was said")


@bp.get("")
@bp.arguments(ConversationsQuerySchema(), location="query")
@bp.response(HTTPStatus.OK, ConversationsSchema())
@asks_database
def list_conversations(query: dict[str, Any]) -> dict[str, Any]:
    """Conversations, the one that began last first, a page at a time; the next one is asked for with `after`.

    One is listed some seconds after its first turn.  With `q`, those in which somebody said that: each page looks
    through up to 1000 conversations, so one may be empty and still say what comes after it.
    """
    after, limit = query.pop("after"), query.pop("limit")
    page = services().reading.page(Wanted(**query), Place.read(after) if after else None, limit)
    return {"conversations": page.conversations, "next": str(page.next) if page.next else None}


@bp.get("/<conversation_id>")
@bp.arguments(TurnsQuerySchema(), location="query")
@bp.response(
    HTTPStatus.OK,
    ToldConversationSchema(),
    description="As JSON; as WebVTT or as plain text for `?format=` or `Accept`, with the next page in `Link`",
)
@asks_database
def tell_conversation(query: dict[str, Any], conversation_id: str) -> Any:
    """A conversation with its turns in order, a page at a time, also while it is on."""
    if not is_id(conversation_id):  # no database is asked for what no conversation is called
        raise NoSuchConversation
    wanted = Place.read(query["after"]) if query["after"] else None
    told = services().reading.tell(conversation_id, wanted, query["limit"])
    goes_on = str(told.next) if told.next else None
    kind = TYPES.get(query["format"]) or request.accept_mimetypes.best_match(list(TYPES.values()), JSON)
    if kind == JSON:
        return {**vars(told.conversation), "turns": told.turns, "next": goes_on}
    response = Response(as_vtt(told) if kind == VTT else as_script(told), mimetype=kind)
    response.vary.add("Accept")
    if goes_on:
        here = url_for("conversations.tell_conversation", conversation_id=conversation_id)
        response.headers["Link"] = (
            f'<{here}?format={query["format"] or _format(kind)}&limit={query["limit"]}&after={goes_on}>; rel="next"'
        )
    return response


def _format(kind: str) -> str:
    return next(name for name, each in TYPES.items() if each == kind)
