"""What the tests of archive and flush make and look at."""

from sqlalchemy import select

from greenroom.app.conversations.tables import turns
from greenroom.app.rooms.archive import Batch, Delivery
from greenroom.app.rooms.conversations import Record, Turn

HERE = "a-conversation"
OWNER = "main/ann"


def a_turn(number, content="words", **facts):
    usual = {"role": ("user", "assistant")[number % 2], "sequence": number + 1, "epoch": 7}
    times = {"started_ms": number, "ended_ms": number}
    return Turn(id=f"turn-{number}", content=content, **{**usual, **times, **facts})


def a_batch(*numbers, conversation_id=HERE, by=7, session_id="a-session"):
    return Batch(
        conversation_id,
        "main",
        "ann",
        tuple(Delivery(a_turn(number), session_id, by) for number in numbers),
    )


def say(ledger, number, *, conversation_id=HERE, content="words", epoch=7, owner=OWNER, **facts):
    role = ("user", "assistant")[number % 2]
    turn = Turn(f"turn-{number}", role, content, epoch=epoch, **facts)
    return ledger.run(Record("a-session", conversation_id, epoch, turn, owner=owner))


def kept(database, conversation_id=HERE):
    """The turns of a conversation, in the order in which it was said."""
    with database.reading() as connection:
        query = (
            select(turns.c.id)
            .where(turns.c.conversation_id == conversation_id)
            .order_by(turns.c.sequence, turns.c.id)
        )
        return connection.execute(query).scalars().all()


def rows(database, table):
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]
