"""Changes of a service's settings that pipecat has no field for in general."""

from collections.abc import Mapping
from typing import Any

from pipecat.services.settings import TTSSettings


def settings_of_voice(parameters: Mapping[str, Any]) -> TTSSettings:
    """Parameters of a voice, for whichever service speaks: it takes from a change what it has a setting for by that
    name, and what it has none for as its `extra`."""
    delta = TTSSettings(extra=dict(parameters))
    for name, value in parameters.items():
        if not hasattr(delta, name):  # else it is a part of pipecat's own, and no parameter
            setattr(delta, name, value)
    return delta
