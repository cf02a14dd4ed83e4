"""What is known of people, by their ids."""

import threading

from greenroom.app.rooms.memory import Fact, Recollection


def known_as(name):
    """What a bot is told of somebody of whom the name is known."""
    return Recollection(facts=[Fact("name", name)]).as_text()


class FakeMemory:
    """Knows the names of some people, and notes what it is asked."""

    def __init__(self, **names):
        self.names = names
        self.asked = []
        self.error = None
        self.answers = threading.Event()  # may answer
        self.answers.set()

    def recall(self, tenant, user_id, *, besides):
        self.asked.append((tenant, user_id, besides))
        self.answers.wait(10)
        if self.error:
            raise self.error
        return known_as(self.names[user_id]) if user_id in self.names else ""
