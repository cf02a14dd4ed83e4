"""How a person is introduced to the model."""

import json


def introduction(person: str, name: str | None, metadata: str | None = None) -> str | None:
    """What is known of a person, in words that might be their own; None if it is nothing but an id.

    Strangers chose name and metadata: both stand where people's words do, not in the prompt, and are cut short.
    """
    said = []
    if name and name != person and name.isprintable():
        said.append(f"My name is {name[:64]}.")
    if preferences := _preferences(metadata):
        said.append(f"What I prefer: {preferences}.")
    return " ".join(said) or None


def _preferences(metadata: str | None) -> str:
    try:
        preferences = json.loads(metadata or "{}")["preferences"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    if not isinstance(preferences, dict):
        return ""
    words = ", ".join(f"{key}: {value}" for key, value in preferences.items())
    return words[:500] if words.isprintable() else ""
