"""A pipeline for several people, as whatever follows it sees it: which person there is, and in which context."""

from pipecat.processors.frame_processor import FrameProcessor


class SeveralPeople(FrameProcessor):
    """A processor that has a context with each of several people, and tells of them by two events.

    `on_person(person, aggregator)`, with the user's aggregator, comes before anything is in the context with them;
    `on_person_left(person)` when they are not heard any more.  Our own bot's is `bots/assistant/people.py`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._register_event_handler("on_person", sync=True)
        self._register_event_handler("on_person_left", sync=True)
