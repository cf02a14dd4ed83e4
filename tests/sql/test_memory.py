"""What is known of a user: theirs alone, the newest first, and at the same cost however much there is."""

import pytest
from sqlalchemy import event, insert, text

from greenroom.app.conversations.memory import (
    LOOKED_AT,
    SqlMemory,
    conversations_of,
    facts_of,
    recollection,
    summary_of,
    turns_of,
)
from greenroom.app.conversations.tables import conversations, facts, summaries, turns, users
from greenroom.app.rooms.memory import FACTS_AT_MOST, TURNS_AT_MOST, Fact, Said
from greenroom.app.settings import Settings
from greenroom.bots.preparing import meet_database
from greenroom.bots.services import database_at, memory_of

NOW = "now"  # the conversation that is going on


@pytest.fixture
def keep(database):
    """Keeps rows of the tenant main, or of another."""

    def kept(table, *rows):
        with database.writing() as connection:
            connection.execute(insert(table), [{"tenant": "main", **row} for row in rows])

    kept(users, *(a_user(name) for name in ("ann", "bob")), {**a_user("ann"), "tenant": "other"})
    return kept


def a_user(name):
    return {"id": name, "created_ms": 1, "updated_ms": 1}


def a_conversation(name, at, whose="ann", **more):
    return {"id": name, "user_id": whose, "started_ms": at, "last_ms": at, **more}


def a_turn(conversation_id, sequence, content, role="user", **more):
    return {
        "conversation_id": conversation_id,
        "sequence": sequence,
        "id": f"turn-{sequence}",
        "role": role,
        "content": content,
        "message": {},
        "interrupted": False,
        "started_ms": sequence,
        "ended_ms": sequence,
        "source": "live",
        **more,
    }


def a_fact(key, value, at=1, whose="ann", **more):
    return {"user_id": whose, "key": key, "text": value, "created_ms": at, "updated_ms": at, **more}


def a_summary(conversation_id, up_to, words):
    return {
        "conversation_id": conversation_id,
        "up_to": up_to,
        "text": words,
        "model": "m",
        "created_ms": 1,
    }


@pytest.fixture
def recalled(database):
    def recall(whose="ann", tenant="main"):
        with database.reading() as connection:
            return recollection(connection, tenant, whose, besides=NOW)

    return recall


def test_of_a_stranger_nothing_is_known(database):
    assert SqlMemory(database).recall("main", "nobody", besides=NOW) == ""


def test_facts_the_last_summary_and_the_end_of_the_last_conversation_are_known(keep, recalled, database):
    keep(facts, a_fact("dog", "Rex", 1), a_fact("name", "Alice", 2))
    keep(conversations, *(a_conversation(name, at) for at, name in enumerate(("old", "last", "empty", NOW))))
    keep(
        turns,
        a_turn("old", 1, "long ago"),
        a_turn("last", 1, "Bye"),
        a_turn("last", 2, "So long.", "assistant"),
    )
    keep(
        turns, a_turn("last", 3, "{}", "tool"), a_turn("last", 4, "", "assistant"), a_turn(NOW, 9, "of today")
    )
    keep(
        summaries,
        *(a_summary("old", up_to, f"up to {up_to}") for up_to in (10, 9)),
        a_summary(NOW, 1, "today"),
    )

    known = recalled()

    assert known.facts == [Fact("name", "Alice"), Fact("dog", "Rex")]
    assert known.summary == "up to 10"
    assert known.turns == [Said("assistant", "So long."), Said("user", "Bye")]
    assert SqlMemory(database).recall("main", "ann", besides=NOW) == known.as_text()


def test_nothing_of_another_user_or_tenant_is_known(keep, recalled):
    keep(facts, a_fact("name", "Alice"), a_fact("name", "Anne", tenant="other"))
    keep(conversations, a_conversation("ann's", 1), a_conversation("other's", 1, tenant="other"))
    keep(turns, a_turn("ann's", 1, "canary"), a_turn("other's", 1, "canary too", tenant="other"))
    keep(summaries, a_summary("ann's", 1, "canary again"))

    nothing = recalled("bob")
    assert (nothing.facts, nothing.summary, nothing.turns) == ([], "", [])
    assert recalled().turns == [Said("user", "canary")]
    assert recalled(tenant="other").turns == [Said("user", "canary too")]
    assert recalled(tenant="other").facts == [Fact("name", "Anne")]


def test_of_a_room_of_several_a_user_knows_their_own_words_and_what_was_said_to_them(keep, recalled):
    keep(conversations, a_conversation("several", 1))
    keep(
        turns,
        a_turn("several", 1, "mine", person="ann"),
        a_turn("several", 2, "theirs", person="bob"),
        a_turn("several", 3, "to bob", "assistant", person="bob"),
        a_turn("several", 4, "to ann", "assistant", person="ann"),
    )

    assert recalled().turns == [Said("assistant", "to ann"), Said("user", "mine")]


def test_ten_thousand_conversations_cost_no_more_rows_than_ten(keep, recalled, database):
    def many(first, last):
        some = range(first, last)
        keep(conversations, *(a_conversation(f"c-{number}", number) for number in some))
        keep(turns, *(a_turn(f"c-{number}", 1, f"words {number}") for number in some))
        keep(facts, *(a_fact(f"key {number}", "x", number) for number in some if number < 150))

    fetched = []

    @event.listens_for(database.engine, "after_cursor_execute")
    def note(_connection, _cursor, statement, *_):
        fetched.append(statement)

    many(0, 10)
    fetched.clear()
    before = recalled()
    statements = len(fetched)
    many(10, 10_000)
    fetched.clear()
    after = recalled()

    assert len(fetched) == statements
    assert before.turns == [Said("user", "words 9")]
    assert after.turns == [Said("user", "words 9999")]
    assert len(after.facts) == FACTS_AT_MOST


def test_a_long_conversation_is_read_from_its_end(keep, recalled):
    keep(conversations, a_conversation("long", 1))
    keep(turns, *(a_turn("long", number, f"words {number}") for number in range(1, 3000)))

    assert recalled().turns == [
        Said("user", f"words {number}") for number in range(2999, 2999 - TURNS_AT_MOST, -1)
    ]
    assert LOOKED_AT < 200


@pytest.mark.parametrize(
    "query",
    [
        facts_of("main", "ann"),
        conversations_of("main", "ann", NOW),
        turns_of("main", "long"),
        summary_of("main", "long", -1),
    ],
    ids=["facts", "conversations", "turns", "summary"],
)
def test_each_query_goes_along_an_index(database, query):
    statement = query.compile(database.engine, compile_kwargs={"literal_binds": True})
    with database.reading() as connection:
        if database.is_sqlite:
            plan = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
            assert plan[0].startswith("SEARCH ")
            assert query is not None and all("SCAN" not in step for step in plan)
        else:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = [row[0] for row in connection.execute(text(f"EXPLAIN {statement}"))]
            assert any("Index" in step for step in plan)


def test_a_bot_s_process_has_met_the_database_before_its_bot_begins(database, database_url):
    """What is asked was compiled then; a database that is away is met later."""
    settings = Settings(database_url=database_url)
    meet_database(settings)
    ours = database_at(database_url)
    asked_before = set(ours.engine._compiled_cache)

    memory_of(settings).recall("main", "nobody", besides=NOW)

    assert asked_before and set(ours.engine._compiled_cache) == asked_before
    meet_database(Settings(database_url="postgresql://nobody@127.0.0.1:9/none"))
