"""A bot: which one, how it sounds, and what it is asked."""

from greenroom.app.errors.families import Conflict, GreenroomError, Missing, QuotaReached, Rejected, TimedOut


class UnknownRequest(Missing):
    """A bot cannot be asked for that."""


class UnknownBot(Rejected):
    """There is no bot of that name; BOTS lists those that this installation has."""

    kind = "unknown-bot"


class UnknownVoice(Rejected):
    """There is no voice of that name."""

    kind = "unknown-voice"


class UnknownService(Rejected):
    """There is no speech service of that name."""

    kind = "unknown-service"


class ServiceNotReady(Conflict):
    """That personality uses a speech service that lacks something here; `greenroom services` says what."""

    kind = "service-not-ready"


class UnknownPersonality(Rejected):
    """There is no personality of that name."""

    kind = "unknown-personality"


class OfferRefused(Rejected):
    """The bot could not use that offer; send an SDP offer as a browser makes it, with audio first."""

    kind = "offer-refused"


class CandidatesRefused(Rejected):
    """These candidates are for a connection that is no more, or cannot be read; those for the last offer are kept."""

    kind = "candidates-refused"


class BotFailed(GreenroomError):
    """The bot could not do that; the worker's log says why."""

    kind = "bot-failed"


class BotSilent(TimedOut):
    """The bot did not answer in time; if its process has died, the room is free within 30 seconds."""

    kind = "bot-silent"


class NobodyThere(Conflict):
    """Nobody is with that bot who would hear it."""

    kind = "nobody-there"


class BotPaused(Conflict):
    """That bot is paused, and says nothing until it is resumed."""

    kind = "bot-paused"


class BotMuted(Conflict):
    """That bot is muted, or stealthy, and says nothing until that is taken back."""

    kind = "bot-muted"


class NotOnStage(Conflict):
    """That bot is not in its room yet, or leaves it."""

    kind = "not-on-stage"


class OnItsWay(Conflict):
    """That bot is on its way to another room; ask again in some seconds."""

    kind = "on-its-way"


class NotThere(Conflict):
    """The person whose message that is is not with the bot now."""

    kind = "not-there"


class EventNotListed(Rejected):
    """A bot is told of no event of that type: APP_EVENTS lists those that it is told of, or its personality does."""

    kind = "event-not-listed"


class UnreadableEvent(Rejected):
    """An event has a type as in page_opened, and data of up to 4096 bytes of JSON."""

    kind = "unreadable-event"


class NoContext(Conflict):
    """This bot has none of pipecat's contexts, or none with that person yet: its model cannot be told of events."""

    kind = "no-context"


class TooManyAppMessages(QuotaReached):
    """A person's app may send sixty messages in a minute; wait, and try again."""

    kind = "too-many-app-messages"
