"""Ways through a session's states."""

from greenroom.app.rooms.sessions import State, Transition

# A way from the beginning into each state
WAYS = {
    State.PENDING: [],
    State.JOINING: [State.JOINING],
    State.LIVE: [State.JOINING, State.LIVE],
    State.PAUSED: [State.JOINING, State.LIVE, State.PAUSED],
    State.WAITING: [State.JOINING, State.LIVE, State.WAITING],
    State.TRANSITIONING: [State.JOINING, State.LIVE, State.TRANSITIONING],
    State.LEAVING: [State.LEAVING],
    State.LOST: [State.LOST],
    State.ENDED: [State.ENDED],
}


def bring_to(ledger, state):
    for step in WAYS[state]:
        ledger.run(Transition("a-session", step, 7))
