"""The endpoints of assistants: they are made, changed and read here, and named in /join."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from flask import url_for

from greenroom.app.api.body import JsonBlueprint, accepts
from greenroom.app.api.orders import check_character
from greenroom.app.api.schemas.assistants import (
    AssistantChangesSchema,
    AssistantSchema,
    AssistantsPageSchema,
    AssistantsSchema,
    ToldAssistantSchema,
    assistant_of,
)
from greenroom.app.api.services import Services, asks_database, services
from greenroom.app.rooms.assistants import Assistant
from greenroom.app.rooms.precedence import decide

ASSISTANT_AT_MOST = 64 * 1024  # bytes; its prompts alone may be 10,000 characters, of three bytes each

bp = JsonBlueprint("assistants", __name__, url_prefix="/assistants", description="Bots by names of their own")


@bp.get("")
@bp.arguments(AssistantsPageSchema(), location="query")
@bp.response(HTTPStatus.OK, AssistantsSchema())
@asks_database
def list_assistants(page: dict[str, Any]) -> dict[str, Any]:
    """The assistants by name, a page at a time; the next one is asked for with `after`."""
    here = services()
    some, after = here.assistants.page(page["after"], page["limit"])
    return {"assistants": [_told(each, here) for each in some], "next": after}


@bp.post("")
@accepts(ASSISTANT_AT_MOST)
@bp.arguments(AssistantSchema())
@bp.response(HTTPStatus.CREATED, ToldAssistantSchema())
@asks_database
def add_assistant(facts: dict[str, Any]) -> Any:
    """Make an assistant."""
    here = services()
    assistant = _checked(assistant_of(uuid.uuid4().hex, facts), here)
    added = here.assistants.add(assistant)
    place = url_for("assistants.get_assistant", name=added.name)
    return _told(added, here), HTTPStatus.CREATED, {"Location": place}


@bp.get("/<name>")
@bp.response(HTTPStatus.OK, ToldAssistantSchema())
@asks_database
def get_assistant(name: str) -> Assistant:
    """One assistant, by its name or its id."""
    here = services()
    return _told(here.assistants.get(name), here)


@bp.put("/<name>")
@accepts(ASSISTANT_AT_MOST)
@bp.arguments(AssistantSchema())
@bp.response(HTTPStatus.OK, ToldAssistantSchema())
@asks_database
def replace_assistant(facts: dict[str, Any], name: str) -> Assistant:
    """Replace all of an assistant but its id; what is left out is as in a new one."""
    here = services()
    return _told(here.assistants.change(name, lambda old: _checked(assistant_of(old.id, facts), here)), here)


@bp.patch("/<name>")
@accepts(ASSISTANT_AT_MOST)
@bp.arguments(AssistantChangesSchema())
@bp.response(HTTPStatus.OK, ToldAssistantSchema())
@asks_database
def change_assistant(changes: dict[str, Any], name: str) -> Assistant:
    """Change what is named of an assistant: a field is replaced whole, `voice_session_config` entry by entry."""
    here = services()
    return _told(here.assistants.change(name, lambda old: _checked(_changed(old, changes), here)), here)


@bp.delete("/<name>")
@bp.response(HTTPStatus.NO_CONTENT)
@asks_database
def remove_assistant(name: str) -> None:
    """Remove an assistant; sessions that are on with it go on as they are."""
    services().assistants.remove(name)


def _changed(old: Assistant, changes: Mapping[str, Any]) -> Assistant:
    if "voice_session_config" in changes:
        config = replace(old.voice_session, **changes["voice_session_config"])
        changes = {**changes, "voice_session_config": config}
    return replace(old, **changes)


def _checked(assistant: Assistant, here: Services) -> Assistant:
    """Raises UnknownBot, UnknownPersonality, UnknownVoice: what no join could be joined with."""
    check_character(decide(assistant=assistant.facts(), installation=here.usual), here)
    return assistant


def _told(assistant: Assistant, here: Services) -> Assistant:
    settings = here.settings
    return assistant.in_effect(persistence=settings.session_persistence, max_duration=settings.max_duration)
