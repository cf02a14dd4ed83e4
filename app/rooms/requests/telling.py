"""Requests to bring something before the people in the room."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from greenroom.app.rooms.bodies import Body
from greenroom.app.rooms.requests.answers import Done
from greenroom.app.rooms.requests.asked_bot import AskedBot
from greenroom.app.rooms.requests.request import Request


@dataclass(frozen=True)
class Notice(Request[Done]):
    """Show the people's clients some words, as of a change that is coming; nobody says them aloud.

    The holder of the API key sends it.
    """

    name = "notice"
    answer = Done
    within = timedelta(seconds=5)
    for_callers = True
    LONGEST: ClassVar = 500

    text: str

    async def carry_out(self, bot: AskedBot) -> Done:
        bot.tell("notice", text=self.text)
        return Done()

    @classmethod
    def of_body(cls, body: Body) -> "Request[Done]":
        text = body.get("text")
        if not isinstance(text, str) or not 0 < len(text) <= cls.LONGEST or not text.isprintable():
            raise ValueError(f"text is 1 to {cls.LONGEST} printable characters on one line")
        return super().of_body(body)
