"""Who asks a bot for something: a person of its room, who may not ask for everything, or the holder of the API key."""

from greenroom.app.errors.rooms import OthersThere

ANOTHER_CAME = "its user's next bot is in another room"


def wish_of(person: str | None, timestamp: str | None) -> str | None:
    """What tells a client's wish from another; None where it does not say."""
    return None if timestamp is None else f"{person or ''} {timestamp}"


def check_alone(people: frozenset[str], person: str | None) -> None:
    """Raises OthersThere where a person asks, and is not alone with the bot; the holder of the key may ask always."""
    if person is not None and people - {person}:
        raise OthersThere


def ended_by(person: str | None) -> str:
    """Who ended a call by asking for it, for its record: a person of the room, or the holder of the key."""
    return f"{person} hung up" if person is not None else "POST /leave, with the key"
