"""What a session's record says of it while its bot runs, and others may change: its pause, and how long it may last."""

from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.sessions import ReadSession
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.listener import RoomListener
from greenroom.bots.stay.time_limit import TimeLimit


class Terms:
    """The terms of one stay."""

    def __init__(self, journal: Journal, listener: RoomListener, time_limit: TimeLimit) -> None:
        self._journal = journal
        self._listener = listener
        self._time_limit = time_limit

    async def heed(self) -> None:
        """Do what the record says; where Redis has lost it, what it said before."""
        try:
            self._journal.take_terms(await self._journal.retry(ReadSession(self._journal.session.id)))
        except NoSuchSession:
            return
        self._time_limit.wind()
        await self._listener.heed_pause(self._journal.session.pause)
