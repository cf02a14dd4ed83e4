"""Rooms, their servers, and who is in them."""

from greenroom.app.errors.families import Conflict, Forbidden, Missing, Rejected, Unavailable


class NotYourRoom(Forbidden):
    """A room whose name begins with voice- is one user's own: POST /voice/room says what a user's is called; join it as
    that user, or join another room."""

    kind = "not-your-room"


class NoVoiceRoom(Rejected):
    """A guest is nobody in particular and has no room of their own; name the user_id of a person."""

    kind = "no-voice-room"


class NotAVoiceRoom(Rejected):
    """That is nobody's own voice room; POST /leave takes a bot out of any room."""

    kind = "not-a-voice-room"


class BadRoom(Rejected):
    """A room_url is as in local:standup, wss://livekit.example.com/standup or https://example.daily.co/standup; its
    name has up to 64 letters, digits, dashes and underscores."""

    kind = "bad-room"


class NotOurRoom(Rejected):
    """This installation has no rooms at that server."""

    kind = "not-our-room"


class TooMuchState(Rejected):
    """What is open in a room is told in up to 1000 bytes of JSON, a note and a card in up to 5000."""

    kind = "too-much-state"


class NotUnseenThere(Conflict):
    """Nobody can listen unseen there: a room of this installation is one person's line to their bot, and a private
    voice room is for its user alone."""

    kind = "not-unseen-there"


class NoBotThere(Missing):
    """No bot is in that room; POST /join puts one there."""

    kind = "no-bot-there"


class NoSuchProvider(Missing):
    """This installation has no rooms of that provider."""

    kind = "no-such-provider"


class RoomFull(Conflict):
    """Somebody else is talking with the bot in this room; join a room of your own."""

    kind = "room-full"


class NotALocalRoom(Conflict):
    """The bot is in a room of another server, which takes no offers here; POST /join with the resume_token answers the
    way there."""

    kind = "not-a-local-room"


class NoForum(Conflict):
    """There is no forum here: one needs a LiveKit server, which LIVEKIT=1 starts, or a Daily domain."""

    kind = "no-forum"


class OthersThere(Conflict):
    """Others are in the room, and the bot stays with them: hang up instead; who holds the API key may take it out."""

    kind = "others-there"


class RoomHasBot(Conflict):
    """That room has a bot; join it there, or move to another room."""

    kind = "room-has-a-bot"


class ProviderAway(Unavailable):
    """The server of that room does not answer, so who is there cannot be told; calls that are on go on."""

    kind = "provider-away"


class RoomInDoubt(Unavailable):
    """Whether a bot lives in that room cannot be told yet; ask again in a few seconds."""

    kind = "room-in-doubt"
    retry_after = 4
