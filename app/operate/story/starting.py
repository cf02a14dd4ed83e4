"""A session waits for its bot: for a worker, for a slot, or for the process that takes it."""

from greenroom.app.operate.facts import RoomFacts
from greenroom.app.operate.findings import OK, PROBLEM, WARNING, Finding
from greenroom.app.operate.story.history import before, was_on_stage
from greenroom.app.operate.story.sentences import found, reaper_will
from greenroom.app.operate.wording import count, duration, some
from greenroom.app.rooms.leases import PARKED_FOR, PLACE_KEPT_FOR, Lease
from greenroom.app.rooms.sessions import STARTS_WITHIN, Session


def starting(facts: RoomFacts, lease: Lease, session: Session) -> Finding:
    fleet, place = facts.fleet, facts.place
    since = facts.since(max(session.updated_ms, lease.since_ms))
    earlier = before(facts.events)
    says = f"There is no bot yet: session {session.id} has waited for one for {duration(since)}{earlier}."
    if not fleet.bots:
        return found(
            PROBLEM,
            f"{says} No bot worker is there to take it.",
            "Start one: the `bots` line of the Procfile. It takes who waits at once, in order.",
        )
    if not fleet.free or place.position is not None:
        return _in_line(facts, says)
    if since <= STARTS_WITHIN:
        return found(
            OK,
            f"The bot is on its way: asked for {duration(since)} ago{earlier}.",
            "Look again in a few seconds.",
        )
    tries = (
        f" {count(session.launches, 'launch', 'launches')} asked for so far." if session.launches > 1 else ""
    )
    return found(
        PROBLEM,
        f"{says} There {'is' if fleet.free == 1 else 'are'} {count(fleet.free, 'free slot')}, and nobody has taken it."
        f"{tries}",
        f"{reaper_will(fleet, 'launches it again, three times, and then gives up')} Does a bot worker hang? Their logs "
        "should have a line for each launch; `greenroom restart` replaces them without ending calls.",
    )


def _in_line(facts: RoomFacts, says: str) -> Finding:
    """All slots are taken, or are for those that came before."""
    hosts = facts.fleet.bots
    draining = [host.id for host in hosts if host.draining]
    slots = sum(host.slots for host in hosts if not host.draining)
    if not slots:
        return found(
            PROBLEM,
            f"{says} Every bot worker is draining ({some(draining)}), and takes no launches.",
            f"`greenroom drain --undo {draining[0]}`, or start another worker.",
        )
    taken = "The only slot is taken." if slots == 1 else f"All {slots} slots are taken."
    place = f"It is number {facts.place.position} of those that wait." if facts.place.position else ""
    undo = (
        f"`greenroom drain --undo {draining[0]}` frees the slots of a worker that drains." if draining else ""
    )
    kept = (
        f"Its place is kept for {duration(PARKED_FOR)}."
        if was_on_stage(facts.events)
        else f"Its place is kept while its caller asks again, and given up {duration(PLACE_KEPT_FOR)} later."
    )
    more = "It starts when a slot gets free. To have one now, start another worker or raise SLOTS."
    return found(WARNING, _sentences(says, taken, place), _sentences(more, undo, kept))


def _sentences(*parts: str) -> str:
    """Whole sentences, one after the other; an empty one is left out."""
    return " ".join(filter(None, parts))
