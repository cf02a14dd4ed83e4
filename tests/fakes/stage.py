"""A bot's place in a room that has no server: who is there is the test's, and what is done there is remembered."""

import asyncio


class FakeStage:
    """A stage as the parts of a stay know it."""

    def __init__(self, people=()):
        self.people = frozenset(people)
        self.seen = ()  # what it says of them
        self.done = []  # in order
        self.conversation_id = None  # that the room tells; None: as it was
        self.told = []  # to the people's clients
        self.events = []  # of those, what app/events/schema.py has
        self.sent = []  # all of it, with its facts
        self.told_only = []  # for each of these to whom, where that was one person
        self.facts = []  # with each of these
        self.shown = []  # under which names, and None
        self.listens = True
        self.pipeline = None

    def look(self):
        return self.seen

    def runner_arguments(self, session_id, body):
        return body

    def built(self, pipeline):
        self.pipeline = pipeline

    async def ready_to_enter(self):
        await asyncio.Future()

    def enter(self):
        self.done.append("entered")

    def take_part(self):
        self.done.append("takes part")

    def tell(self, event, *, only=None, **facts):
        self.sent.append((event, facts))
        if (
            event.partition(".")[0] in ("session", "voice", "participant", "conversation")
            or event == "room.state"
        ):
            self.events.append(event)
            return
        self.told.append(event)
        self.told_only.append(only)
        self.facts.append(facts)

    def change_conversation(self, conversation_id):
        self.conversation_id = conversation_id

    def listen(self, *, to_people):
        self.listens = to_people

    async def show(self, name):
        self.shown.append(name)

    def pause(self):
        self.done.append("paused")

    def resume(self):
        self.done.append("resumed")

    def silence(self):
        self.done.append("hushed")

    async def take(self, user_id, offer):
        return {"sdp": f"an answer to {user_id}"}

    async def add_candidates(self, pc_id, candidates):
        pass

    async def disconnect(self):
        self.done.append("disconnected")
