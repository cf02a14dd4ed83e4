"""Which kind of speech a session gets, and which voices callers may name; read without pipecat, by web as well."""

from greenroom.app.errors.bots import UnknownVoice
from greenroom.app.named_bots import is_built_in
from greenroom.app.settings import Settings
from greenroom.app.speech import Part
from greenroom.app.speech.choosing import CHAIN, Named, choices, environment_of, not_ready
from greenroom.bots import personalities
from greenroom.bots.personalities import Personality


def named_by(personality: Personality | None) -> Named:
    """The services that a personality names itself, by part; of a part may be none."""
    if personality is None:
        return {}
    everything = (personality.speech,) if personality.speech else ()
    return {**dict.fromkeys(CHAIN, everything), **personality.services}


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
    return choices(settings, named_by(personality))[Part.SPEAKING][0].service.name


def personality_of_voice(name: str) -> Personality | None:
    """The personality that has this voice, by its name here or with an OpenAI-compatible server."""
    everybody = personalities.everybody().values()
    return next((each for each in everybody if name and name in (each.demo_voice.name, each.voice)), None)


def check_voice(voice: str, *, bot: str, personality: str, settings: Settings) -> None:
    """Raises UnknownVoice for a voice that the session's speech would ignore.

    Only the demo's voices are known here.  An OpenAI-compatible server has its own, and a bot of somebody else's
    may understand any name.
    """
    if not is_built_in(bot, settings.bots.get(bot)):
        return
    if kind_for(settings, personalities.load(personality)) != "demo":
        return
    if personality_of_voice(voice) is None:
        raise UnknownVoice(f"There is no voice named {voice} in the demo's speech. It has {_known()}.")


def _known() -> str:
    """The demo's voices, and the names that other services have for the same personalities."""
    everybody = personalities.everybody().values()
    ours = sorted({it.demo_voice.name for it in everybody})
    theirs = sorted({it.voice for it in everybody if it.voice})
    return f"{', '.join(ours)}; and answers to {', '.join(theirs)}, as with OpenAI"
