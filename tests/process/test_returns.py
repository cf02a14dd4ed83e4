"""People who leave their bot and come back to it: the plans of those who first needed it, and more of the kind.

`reconnection N` in a test's docstring is the Nth test of the plan "Room Management Reconnection Fix".
"""

import asyncio

import psutil
import pytest

from tests.fakes.person import Person
from tests.rigs.eventually import eventually

pytestmark = pytest.mark.anyio


async def answered(person: Person, question: str, words: str) -> None:
    """Type a question, and read that it is answered with these words."""
    before = person.transcript
    person.type(question)
    await person.until(lambda person: words in person.transcript[len(before) :])


async def introduced(person: Person) -> None:
    """Let the bot greet, and tell it a name."""
    await person.until(
        lambda person: (
            len(person.of_type("bot-stopped-speaking")) >= len(person.of_type("bot-started-speaking")) > 0
        )
    )
    await answered(person, "My name is Ada.", "Nice to meet you, Ada")


async def remembered(person: Person) -> None:
    """Ask for that name, as soon as the bot is ready."""
    await person.until(lambda person: person.of_type("bot-ready"))
    await answered(person, "What is my name?", "Ada")


class Visited:
    """A bot of our own in a room of one, to which somebody comes again and again."""

    def __init__(self, greenroom, name, bot="assistant"):
        self._greenroom, self._order = greenroom, {"bot": bot, "user_id": f"ann-{name}"}
        self.room = f"local:{name}"
        self.first = self.join()
        self.id = self.first["session_id"]

    def join(self, **more):
        return self._greenroom.join(self.room, **self._order, **more)

    def enter(self) -> Person:
        """As a page does: it joins, and makes its offer."""
        joined = self.join()
        assert joined["session_id"] == self.first["session_id"]
        return Person(self._greenroom.url, joined["connect"])

    async def gone(self, within=10):
        await asyncio.to_thread(eventually, lambda: self.session["state"] == "waiting", within)

    @property
    def session(self):
        return self._greenroom.session(self.id)

    @property
    def cleanings(self):
        events = self._greenroom.get(f"/sessions/{self.id}/events")["events"]
        return [event["detail"] for event in events if event["event"] == "cleaned"]

    @property
    def complaints(self):
        return self._greenroom.complaints(self.id)

    def leave(self):
        self._greenroom.post("/leave", {"session_id": self.id})


async def test_who_comes_back_after_three_seconds_is_answered_by_the_same_bot(greenroom):
    """reconnection 1: connect, ask, leave, wait 3 s, connect, ask."""
    visited = Visited(greenroom, "basic")
    async with visited.enter() as ann:
        await introduced(ann)
    await visited.gone()
    epoch = visited.session["epoch"]
    await asyncio.sleep(3)
    async with visited.enter() as ann:
        await remembered(ann)

    assert visited.session["epoch"] == epoch
    assert visited.complaints == []
    visited.leave()


async def test_who_leaves_before_the_bot_has_come_finds_it_when_they_connect_again(greenroom):
    """reconnection 2: connect, leave at once, before the bot has joined, connect: it joins, and answers."""
    order = {"bot": "assistant", "user_id": "ann-rapid"}
    joined = greenroom.join("local:rapid", wait=0, **order)
    early = Person(greenroom.url, joined["connect"])
    entering = asyncio.create_task(early.__aenter__())
    await asyncio.sleep(0)
    entering.cancel()
    await early.__aexit__()
    again = greenroom.join("local:rapid", wait=0, **order)
    async with Person(greenroom.url, again["connect"]) as ann:
        await introduced(ann)

    assert again["session_id"] == joined["session_id"]
    greenroom.post("/leave", {"session_id": joined["session_id"]})


async def test_five_returns_are_answered_like_the_first(greenroom):
    """reconnection 3: five cycles, a message after each return."""
    visited = Visited(greenroom, "cycles")
    for number in range(6):
        async with visited.enter() as ann:
            await (introduced(ann) if not number else remembered(ann))
        await visited.gone()

    assert len(visited.cleanings) == 6
    assert visited.complaints == []
    visited.leave()


async def test_who_leaves_in_the_middle_of_an_answer_and_is_back_at_once_is_answered(greenroom):
    """reconnection 4: several messages, leave while the bot is at work on them, connect at once: no errors."""
    visited = Visited(greenroom, "busy")
    async with visited.enter() as ann:
        await introduced(ann)
        for question in ("What are you?", "Tell me more about that."):
            spoken = len(ann.of_type("bot-started-speaking"))
            ann.type(question)
            await ann.until(lambda ann, spoken=spoken: len(ann.of_type("bot-started-speaking")) > spoken)
    async with visited.enter() as ann:
        await remembered(ann)

    assert any("cancelled the answer" in cleaned for cleaned in visited.cleanings)
    assert visited.complaints == []
    visited.leave()


async def test_a_hundred_returns_leave_nothing_behind(greenroom):
    """Memory, descriptors and threads of the bot's process, and lasting keys, are as they were after the first."""
    visited = Visited(greenroom, "hundred", bot="quiet")
    process = psutil.Process(int(greenroom.owner(visited.room).rsplit("/", 1)[1]))

    async def visits(number):
        for _ in range(number):
            async with visited.enter():
                pass
            await visited.gone()
        await asyncio.sleep(1)
        megabytes = process.memory_info().rss / 2**20
        lasting = [key for key in greenroom.redis.scan_iter() if not 0 < greenroom.redis.ttl(key) <= 60]
        return megabytes, process.num_fds(), process.num_threads(), len(lasting)

    first = await visits(20)
    last = await visits(80)

    assert last[0] - first[0] < 20, f"{first} and then {last}"
    assert last[1] - first[1] < 10 and last[2] - first[2] < 5, f"{first} and then {last}"
    assert last[3] - first[3] < 5, f"{first} and then {last}"
    assert len(visited.cleanings) == 100
    visited.leave()


async def test_two_tabs_of_one_person_share_their_bot_and_the_later_one_has_it(greenroom):
    visited = Visited(greenroom, "tabs")
    async with visited.enter() as first:
        await introduced(first)
        async with visited.enter() as second:
            await remembered(second)
        await visited.gone()

    assert visited.complaints == []
    visited.leave()


async def test_who_lost_the_network_without_a_goodbye_finds_their_bot_at_once(greenroom):
    """Before anybody has noticed that they were gone."""
    visited = Visited(greenroom, "cut")
    async with visited.enter() as ann:
        await introduced(ann)
        ann.cut()
        async with visited.enter() as again:
            await remembered(again)
    await visited.gone()

    assert visited.complaints == []
    visited.leave()


async def test_a_network_that_was_lost_without_a_goodbye_is_noticed_and_the_bot_waits(greenroom):
    visited = Visited(greenroom, "lost")
    async with visited.enter() as ann:
        await introduced(ann)
        ann.cut()
        await visited.gone(within=30)
    async with visited.enter() as again:
        await remembered(again)

    assert visited.complaints == []
    visited.leave()


async def test_a_client_is_told_what_was_cleaned_and_goes_on_talking(greenroom):
    visited = Visited(greenroom, "cleaned")
    async with visited.enter() as ann:
        await introduced(ann)
        spoken = len(ann.of_type("bot-started-speaking"))
        ann.type("What are you?")
        await ann.until(lambda ann: len(ann.of_type("bot-started-speaking")) > spoken)
        wish = {"t": "room_cleanup", "d": {"timestamp": "2026-01-01T00:00:00Z"}}
        ann.send("client-message", wish)
        await ann.until(lambda ann: ann.of_type("server-response"))
        ann.send("client-message", wish)
        await ann.until(lambda ann: len(ann.of_type("server-response")) == 2)
        first, second = (said["data"]["d"]["cleaned"] for said in ann.of_type("server-response"))
        by_http = await asyncio.to_thread(
            greenroom.post, f"/sessions/{visited.id}/cleanup", {"timestamp": "1"}
        )
        await remembered(ann)

    assert first == second and first["answer"] and first["is_awaited"] and first["is_written"]
    assert "memory" in first["read_anew"]
    assert by_http["cleaned"]["is_awaited"] and not by_http["cleaned"]["answer"]
    assert len(visited.cleanings) >= 2
    assert visited.complaints == []
    visited.leave()
