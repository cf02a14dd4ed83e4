"""Which kind of speech a session gets, and which voices callers may name; read without pipecat, by web as well."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from greenroom.app.errors.bots import UnknownVoice
from greenroom.app.named_bots import is_built_in
from greenroom.app.settings import Settings
from greenroom.app.speech import Choice, Part
from greenroom.app.speech.choosing import CHAIN, Choices, Named, choices, environment_of, not_ready, ready
from greenroom.bots import personalities
from greenroom.bots.personalities import Personality

UNCHANGED: Mapping[str, Any] = {}


def named_by(personality: Personality | None) -> Named:
    """The services that a personality names itself, by part; of a part may be none."""
    if personality is None:
        return {}
    everything = (personality.speech,) if personality.speech else ()
    return {**dict.fromkeys(CHAIN, everything), **personality.services}


def choices_of(settings: Settings, personality: Personality) -> Choices:
    """The services of its sessions for each part, the first choice first, each with the model that is meant for it.

    Raises UnknownService.
    """
    chosen = {part: list(several) for part, several in choices(settings, named_by(personality)).items()}
    thinking = chosen[Part.THINKING]
    # A personality's model is of its first choice: another service has no model of that name
    if personality.model and not thinking[0].model:
        thinking[0] = replace(thinking[0], model=personality.model)
    for part in CHAIN:
        asked = [Choice.read(each, part) for each in personality.asked_services.get(part, ())]
        chosen[part] = [*asked, *(each for each in chosen[part] if each not in asked)]
    if personality.asked_model:
        _give_model(chosen[Part.THINKING], personality.asked_model, settings)
    return {part: tuple(several) for part, several in chosen.items()}


def _give_model(thinking: list[Choice], model: str, settings: Settings) -> None:
    """The model is of whoever thinks first, of those that can here."""
    first = ready(thinking, environment_of(settings))[0]
    thinking[thinking.index(first)] = replace(first, model=model)


def ready_of(settings: Settings, personality: Personality) -> Choices:
    """Those of them that lack nothing here, as the services of a session are made."""
    environ = environment_of(settings)
    return {
        part: tuple(ready(several, environ)) for part, several in choices_of(settings, personality).items()
    }


def lacks_of(settings: Settings, personality: Personality) -> Sequence[str]:
    """What the services lack here that a live bot was given, each as what somebody can do."""
    environ, found = environment_of(settings), []
    for part, named in personality.asked_services.items():
        for service in (Choice.read(each, Part(part)).service for each in named):
            if todo := service.lacks(environ):
                found.append(f"{service.name} ({part}): {'; '.join(todo)}")
    return found


def unready(settings: Settings) -> dict[str, str]:
    """What our own bots would lack here, as what is to be done, by bot and personality as in assistant/host."""
    environ = environment_of(settings)
    ours = [name for name, target in settings.bots.items() if is_built_in(name, target)]
    lacks = {
        name: not_ready(settings, named_by(each), environ) for name, each in personalities.everybody().items()
    }
    return {f"{bot}/{name}": ", ".join(why) for bot in ours for name, why in lacks.items() if why}


def kind_for(settings: Settings, personality: Personality | None = None) -> str:
    """The name of the service that speaks: the personality's own choice, else the operator's, else what there is."""
    chosen = choices(settings, {}) if personality is None else choices_of(settings, personality)
    return chosen[Part.SPEAKING][0].service.name


def personality_of_voice(name: str) -> Personality | None:
    """The personality that has this voice, by its name here or with an OpenAI-compatible server."""
    everybody = personalities.everybody().values()
    return next((each for each in everybody if name and name in (each.demo_voice.name, each.voice)), None)


def check_voice(
    voice: str, *, bot: str, personality: str, settings: Settings, changed: Mapping[str, Any] = UNCHANGED
) -> None:
    """Raises UnknownVoice for a voice that the session's speech would ignore, where its bot was changed so.

    Only the demo's voices are known here.  An OpenAI-compatible server has its own, and a bot of somebody else's
    may understand any name.
    """
    if not is_built_in(bot, settings.bots.get(bot)):
        return
    if kind_for(settings, personalities.load(personality).equipped(changed)) != "demo":
        return
    if personality_of_voice(voice) is None:
        raise UnknownVoice(f"There is no voice named {voice} in the demo's speech. It has {_known()}.")


def _known() -> str:
    """The demo's voices, and the names that other services have for the same personalities."""
    everybody = personalities.everybody().values()
    ours = sorted({it.demo_voice.name for it in everybody})
    theirs = sorted({it.voice for it in everybody if it.voice})
    return f"{', '.join(ours)}; and answers to {', '.join(theirs)}, as with OpenAI"
