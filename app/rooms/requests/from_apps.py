"""What people's apps ask of a bot by client messages, and servers in their place by HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from greenroom.app.errors.bots import (
    BotPaused,
    EventNotListed,
    NoContext,
    NotThere,
    TooManyAppMessages,
    UnreadableEvent,
)
from greenroom.app.errors.rooms import TooMuchState
from greenroom.app.rooms.bodies import Body
from greenroom.app.rooms.requests.answers import Done, WhatIsOpen
from greenroom.app.rooms.requests.asked_bot import AskedBot
from greenroom.app.rooms.requests.request import Request
from greenroom.app.rooms.room_states import Open

WITHIN = timedelta(seconds=5)


class Thing(StrEnum):
    """What an app may open in a room, one of each."""

    NOTE = "note"
    APPLET = "applet"
    DESKTOP = "desktop"

    @property
    def place(self) -> Open:
        return Open[self.name]


@dataclass(frozen=True)
class OpenThing(Request[WhatIsOpen]):
    """Open a note, an applet, or a mode of the desktop, in the place of what was open there; told to all in the room.

    A person's client sends it as a client message, and the holder of the API key in a `person`'s name; else it is the
    session's user's.
    """

    name = "room_open"
    answer = WhatIsOpen
    refusals = (TooMuchState, TooManyAppMessages)
    within = WITHIN
    for_callers = True

    what: Thing
    value: object  # a note's id and title, say
    person: str | None = None

    async def carry_out(self, bot: AskedBot) -> WhatIsOpen:
        return WhatIsOpen(bot.open(self.what.place, self.value, self.person))

    @classmethod
    def of_body(cls, body: Body) -> "Request[WhatIsOpen]":
        if not isinstance(body.get("value"), str | Mapping) or not body["value"]:
            raise ValueError("value is an object, or a text, and not empty")
        return super().of_body(body)


@dataclass(frozen=True)
class CloseThing(Request[WhatIsOpen]):
    """Close what is open there, whoever opened it; told to all in the room.  Twice is fine.

    A person's client sends it as a client message, and so may the holder of the API key.
    """

    name = "room_close"
    answer = WhatIsOpen
    refusals = (TooManyAppMessages,)
    within = WITHIN
    for_callers = True

    what: Thing
    person: str | None = None

    async def carry_out(self, bot: AskedBot) -> WhatIsOpen:
        return WhatIsOpen(bot.close(self.what.place, self.person))


@dataclass(frozen=True)
class AppEvent(Request[Done]):
    """Tell the bot's model what a person does in their app, of a type that is listed; it answers nothing to that.

    A person's client sends it as a client message, and so may the holder of the API key in a `person`'s name.
    """

    name = "app_event"
    answer = Done
    refusals = (EventNotListed, UnreadableEvent, NoContext, NotThere, BotPaused, TooManyAppMessages)
    within = WITHIN
    for_callers = True

    event: str
    data: object = None
    person: str | None = None

    async def carry_out(self, bot: AskedBot) -> Done:
        bot.tell_of_event(self.event, self.data, self.person)
        return Done()


@dataclass(frozen=True)
class UserMessage(Request[Done]):
    """Take a text as if the person had typed it; the same `timestamp` of one person twice is one text.

    A person's client sends it, and so may the holder of the API key in a `person`'s name.
    """

    name = "user-message"
    answer = Done
    refusals = (NotThere, BotPaused, TooManyAppMessages)
    within = WITHIN
    for_callers = True
    LONGEST: ClassVar = 4000

    content: str
    timestamp: object = None
    person: str | None = None

    async def carry_out(self, bot: AskedBot) -> Done:
        timestamp = None if self.timestamp is None else str(self.timestamp)
        await bot.take_text(self.content, self.person, timestamp)
        return Done()

    @classmethod
    def of_body(cls, body: Body) -> "Request[Done]":
        content, timestamp = body.get("content"), body.get("timestamp")
        if not isinstance(content, str) or not content.strip() or len(content) > cls.LONGEST:
            raise ValueError(f"content is 1 to {cls.LONGEST} characters")
        if not (timestamp is None or isinstance(timestamp, str | int | float)) or len(str(timestamp)) > 64:
            raise ValueError("timestamp is a number, or up to 64 characters")
        return super().of_body(body)
