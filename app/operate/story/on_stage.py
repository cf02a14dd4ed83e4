"""A bot has the room: it is heard, late, or not heard any more."""

from datetime import timedelta

from greenroom.app.operate.facts import UNHEARD, RoomFacts
from greenroom.app.operate.findings import OK, PROBLEM, WARNING, Finding
from greenroom.app.operate.story.history import crashes
from greenroom.app.operate.story.sentences import found, reaper_will, where
from greenroom.app.operate.wording import duration
from greenroom.app.rooms.leases import STALE_AFTER, Lease, LeaseStatus
from greenroom.app.rooms.minds import MemoryIs, Mind
from greenroom.app.rooms.sessions import Session, State
from greenroom.app.rooms.timings import BOT_STARTS_WITHIN, LOOP_BLOCKED_AT_MOST

FAILED_LATELY = timedelta(minutes=2)  # what a service did before that, people have noticed or forgotten


def on_stage(facts: RoomFacts, lease: Lease, session: Session) -> Finding:
    age, state = facts.view.age, session.state
    if age is None or age > STALE_AFTER:
        return _unheard(facts, lease)
    heard = f"heard {duration(age)} ago on {where(lease)}"
    if age > UNHEARD:
        return found(
            WARNING,
            f"There is a bot, session {session.id}, but it was last {heard}; it should beat every 3 seconds.",
            "Look again in half a minute: by then it is back, or replaced. Is its machine overloaded, or its way to "
            "Redis cut? The call itself goes on meanwhile.",
        )
    if lease.status is LeaseStatus.HANDING_OVER:
        return found(
            OK,
            f"There is a bot, session {session.id}, {heard}; it is being handed over to another process.",
            "Nothing: the person in the call need not notice.",
        )
    if state is State.JOINING and facts.since(session.updated_ms) > BOT_STARTS_WITHIN:
        return found(
            WARNING,
            f"A worker's process has the bot ({heard}), but it has been joining for "
            f"{duration(facts.since(session.updated_ms))}.",
            "Does this bot build a pipeline, and does its speech service answer? The bots worker's log says how far "
            "it came.",
        )
    doing = {
        State.JOINING: "it is joining",
        State.LIVE: "it is live",
        State.PAUSED: "it is paused",
        State.WAITING: f"it is alone, and waits {duration(session.brief.persistence)} for its person",
    }.get(state, f"it is {state}")
    there_is = f"There is a bot: session {session.id}, {heard}; {doing}."
    if ails := _ails(facts.view.mind, age):
        return found(
            WARNING,
            f"{there_is} {ails}",
            "What its people say may go unheard or unanswered. The bots worker's log says more, by `session_id`; "
            "`greenroom doctor` tries what a bot needs.",
        )
    return found(OK, f"{there_is}{crashes(facts.events)}{_mind(facts.view.mind)}")


def _ails(mind: Mind | None, heard_ago: timedelta) -> str | None:
    """What is wrong with the bot's mind, in a sentence."""
    if mind is None:
        return None
    failed_ago = mind.failed_ago(heard_ago)
    if mind.failure is not None and failed_ago is not None and failed_ago <= FAILED_LATELY:
        return f"Its {mind.failure.service} failed {duration(failed_ago)} ago ({mind.failure.category})."
    if mind.memory.state is MemoryIs.FAILED:
        return f"What is known of its people could not be read ({mind.memory.because}): it talks without."
    return None


def _mind(mind: Mind | None) -> str:
    if mind is None or not mind.messages:
        return ""
    return f" Its model reads {mind.messages} messages, about {mind.tokens} tokens."


def _unheard(facts: RoomFacts, lease: Lease) -> Finding:
    age = facts.view.age
    for_long = f"for {duration(age)}" if age else "at all"
    living = {host.id for host in facts.fleet.hosts}
    was = (
        f"There was a bot, session {lease.session_id} on {where(lease)}, but it has not been heard {for_long}"
    )
    replaced = (
        f"{reaper_will(facts.fleet, 'gives the session to a new bot, with its conversation')} "
        "A join takes the room over within seconds."
    )
    if lease.host and lease.host not in living:
        return found(
            PROBLEM,
            f"{was}, and its worker does not report either: the process, its machine, or its way to Redis is gone.",
            f"Start that worker again. {replaced}",
        )
    return found(
        PROBLEM,
        f"{was}, though its worker reports: the bot has died, or it hangs, and then a watchdog ends it after "
        f"{duration(LOOP_BLOCKED_AT_MOST)}.",
        replaced,
    )
