"""From what a caller of /join names to an order: what is left open is decided, and what there is not is refused."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import g

from greenroom.app.api.services import Services
from greenroom.app.errors.bots import UnknownBot, UnknownPersonality
from greenroom.app.errors.users import ProfileIncomplete, UnknownAssistant
from greenroom.app.rooms.assistants import Assistant
from greenroom.app.rooms.brief import FACTS, Brief
from greenroom.app.rooms.orders import Order
from greenroom.app.rooms.precedence import decide
from greenroom.app.rooms.providers import GUEST, check_name
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.users import missing
from greenroom.app.rooms.voice_rooms import is_some_users


def order_of(wanted: Mapping[str, Any], here: Services) -> Order:
    """Raises UnknownAssistant, UnknownBot, UnknownPersonality, UnknownVoice, ReservedName, BadRoom and the like."""
    called = {name: fact for name, fact in wanted.items() if name in FACTS and name != "assistant"}
    assistant = known_assistant(wanted.get("assistant"), here)
    its_own = assistant.facts() if assistant else {}
    personality = decide(call=called, assistant=its_own, installation=here.usual)["personality"]
    limits = here.limits.get(personality, {})
    facts = decide(call=called, assistant=its_own, personality=limits, installation=here.usual)
    named = frozenset(decide(call=called, assistant=its_own))
    check_character(facts, here)
    facts["user_id"] = called.get("user_id") or f"{GUEST}-{secrets.token_hex(6)}"
    check_name(facts["user_id"])
    facts["profile"] = _profile(called, assistant, here)
    is_recorded = assistant is not None and assistant.recording
    if "room_url" not in wanted:
        # Opened before the join: a caller who asks again after a failure would get a second room and bot
        opened = here.opening.open()
        return Order(
            opened.room, Brief(**facts), link=g.link, named=named, fell_back_from=opened.fell_back_from
        )
    room = here.providers.room(wanted["room_url"])
    if is_some_users(room):
        here.rollout.check(assistant, facts["user_id"])
    return Order(room, Brief(**facts), link=g.link, recording=is_recorded, named=named)


def check_rollout(room: Room, brief: Brief, here: Services) -> None:
    """Raises VoiceNotEnabled for a session that would go to a voice room, whose user or assistant shall have none."""
    if is_some_users(room):
        assistant = here.assistants.known(brief.assistant) if brief.assistant else None
        here.rollout.check(assistant, brief.user_id)


def check_character(facts: Mapping[str, Any], here: Services) -> None:
    """Raises UnknownBot, UnknownPersonality or UnknownVoice for what this installation has not got."""
    settings, bot, personality = here.settings, facts["bot"], facts["personality"]
    if bot not in settings.bots:
        raise UnknownBot(f"There is no bot named {bot}; this installation has {', '.join(settings.bots)}.")
    check_personality(personality, here)
    if voice := facts.get("voice"):
        here.check_voice(voice, bot=bot, personality=personality, settings=settings)


def check_personality(name: str | None, here: Services) -> None:
    if name is not None and name not in here.personalities:
        known = ", ".join(here.personalities)
        raise UnknownPersonality(f"There is no personality named {name}; this installation has {known}.")


def _profile(called: Mapping[str, Any], assistant: Assistant | None, here: Services) -> dict[str, Any]:
    """What the call brings, and what is known of what the assistant requires.  Raises ProfileIncomplete."""
    brought = {name: value for name, value in called.get("profile", {}).items() if value is not None}
    if assistant is None or not (required := assistant.require_profile):
        return brought
    user_id = called.get("user_id")  # a fresh guest is known to nobody
    known = here.users.profile(user_id) if user_id and missing(required, brought) else {}
    profile = {**{name: known[name] for name in required if name in known}, **brought}
    if lacks := missing(required, profile):
        raise ProfileIncomplete(
            f"{assistant.name} needs to know of its user: {', '.join(lacks)}. Bring it to /join as `profile`, "
            "or PATCH /users/{id} first.",
            assistant=assistant.name,
            missing=list(lacks),
        )
    return profile


def known_assistant(name: str | None, here: Services) -> Assistant | None:
    """The assistant that a caller names, if they name one.  Raises UnknownAssistant."""
    if name is None:
        return None
    if (assistant := here.assistants.known(name)) is None:
        raise UnknownAssistant(f"There is no assistant named {name}; GET /assistants lists those there are.")
    return assistant
