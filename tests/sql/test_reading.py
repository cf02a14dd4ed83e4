"""What was said, as both databases tell it."""

from dataclasses import replace

import pytest

from greenroom.app.conversations import reading as sql_reading
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.reading import SqlKeptConversations
from greenroom.app.errors.sessions import NoSuchConversation
from greenroom.app.rooms.archive import Batch, Delivery, Report
from greenroom.app.rooms.conversations import SUMMARY, Record, SumsUp, ToolCall, ToolStatus, Turn
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.reading import Place, Reading, Wanted
from tests.rigs.makers import a_session
from tests.sql.worlds import HERE, OWNER, a_turn, say

ALL = Wanted()


@pytest.fixture
def archive(database):
    return SqlArchive(database)


@pytest.fixture
def kept(database):
    return SqlKeptConversations(database)


def keep(archive, conversation_id, *turns, user_id="ann", tenant="main"):
    deliveries = tuple(Delivery(turn, "a-session", 7) for turn in turns)
    assert archive.keep_turns([Batch(conversation_id, tenant, user_id, deliveries)]) == []


def keep_one(archive, name, at_ms, content="words", **facts):
    keep(
        archive, name, replace(a_turn(0, content), id=f"of-{name}", started_ms=at_ms, ended_ms=at_ms), **facts
    )


def ids(page):
    return [conversation.id for conversation in page.conversations]


def all_pages(read, limit):
    pages, after = [], None
    while True:
        page = read(after, limit)
        pages.append(page)
        if (after := page.next) is None:
            return pages


def test_the_one_that_began_last_comes_first_and_pages_meet(archive, kept):
    for name, at_ms in (("a", 1), ("B", 3), ("c", 3), ("d", 3), ("e", 2)):
        keep_one(archive, name, at_ms)

    pages = all_pages(lambda after, limit: kept.page(ALL, after, limit), 2)

    assert [ids(page) for page in pages] == [["d", "c"], ["B", "e"], ["a"]]


def test_a_page_goes_on_where_the_last_one_ended_whatever_was_added(archive, kept):
    for at_ms in range(4):
        keep_one(archive, f"c-{at_ms}", at_ms)
    first = kept.page(ALL, None, 2)

    keep_one(archive, "new", 9)
    keep(archive, "c-0", replace(a_turn(7), started_ms=9, ended_ms=9))  # somebody goes on with the oldest one

    assert ids(first) == ["c-3", "c-2"]
    assert ids(kept.page(ALL, first.next, 2)) == ["c-1", "c-0"]


def test_conversations_are_found_by_whose_they_are_where_and_when(archive, kept):
    keep_one(archive, "a", 1, user_id="ann")
    keep_one(archive, "b", 2, user_id="ben")
    keep_one(archive, "theirs", 2, user_id="ann", tenant="acme")
    session = a_session()
    session = replace(session, conversation_id="b", brief=replace(session.brief, assistant="pearl"))
    archive.keep_session(Report(session, ()))

    def found(**wanted):
        return ids(kept.page(Wanted(**wanted), None, 9))

    assert found() == ["b", "a"]
    assert found(user_id="ann") == ["a"]
    assert found(user_id="ben", to_ms=2) == []
    assert found(assistant="pearl") == found(room=str(session.room)) == ["b"]
    assert (found(from_ms=2), found(to_ms=2), found(from_ms=1, to_ms=3)) == (["b"], ["a"], ["b", "a"])


def test_words_are_found_as_they_stand_there_and_not_as_patterns(archive, kept):
    keep_one(archive, "a", 1, "It is 100% true, she_said.")
    keep_one(archive, "b", 2, "It is 100 percent TRUE \\ false")
    keep(archive, "c", a_turn(0, "true", role="tool", tool_call_id="x"))

    def found(words):
        return ids(kept.page(Wanted(words=words), None, 9))

    assert found("true") == found("TRUE") == ["b", "a"]
    assert found("100%") == found("e_s") == ["a"]
    assert found("\\ f") == ["b"]
    assert found("a%t") == found("' OR 1=1") == []


def test_a_search_looks_through_some_at_a_time_and_says_where_to_go_on(archive, kept, monkeypatch):
    monkeypatch.setattr(sql_reading, "SEARCHED_AT_ONCE", 3)
    for number in range(8):
        keep_one(archive, f"c-{number}", 5, "needle" if number in (0, 6, 7) else "hay")

    pages = all_pages(lambda after, limit: kept.page(Wanted(words="needle"), after, limit), 1)

    assert [ids(page) for page in pages if page.conversations] == [["c-7"], ["c-6"], ["c-0"]]
    assert len(pages) <= 6


def test_turns_are_told_as_they_were_said(archive, kept):
    call = ToolCall("call-1", "clock", '{"zone": "UTC"}')
    said = (
        a_turn(0, "“Hé” 😀", person="ann"),
        a_turn(1, "", tool_calls=(call,)),
        a_turn(2, "noon", role="tool", tool_call_id="call-1", tool_status=ToolStatus.FAILED),
        a_turn(3, "It is", interrupted=True),
    )
    keep(archive, HERE, *said)

    assert kept.turns(HERE, None, 9) == list(said)
    assert kept.turns(HERE, Place(1, "turn-0"), 2) == list(said[1:3])
    assert kept.turns("another", None, 9) == []


def test_turns_at_one_place_are_told_in_one_order_and_each_on_one_page(archive, kept):
    keep(archive, HERE, *(replace(a_turn(0), id=name) for name in ("b", "A", "c", "a")))

    assert [turn.id for turn in kept.turns(HERE, None, 9)] == ["A", "a", "b", "c"]
    assert [turn.id for turn in kept.turns(HERE, Place(1, "a"), 9)] == ["b", "c"]


def test_a_conversation_that_is_on_reads_whole_before_and_while_it_is_kept(archive, kept, ledger):
    reading = Reading(kept, ledger)
    for number in range(2):
        say(ledger, number)

    new = reading.tell(HERE, None, 9)
    Flusher(ledger, archive).flush()
    say(ledger, 2)
    summary = Turn("turn-3", SUMMARY, "in short", epoch=7, sums_up=SumsUp(1, "m"))
    ledger.run(Record("a-session", HERE, 7, summary, owner=OWNER))  # nobody said it
    half = reading.tell(HERE, None, 9)

    assert [turn.id for turn in new.turns] == ["turn-0", "turn-1"]
    assert (new.conversation.user_id, new.conversation.turn_count) == ("ann", 2)
    assert [turn.id for turn in half.turns] == ["turn-0", "turn-1", "turn-2"]
    pages = all_pages(lambda after, limit: reading.tell(HERE, after, limit), 2)
    assert [[turn.id for turn in page.turns] for page in pages] == [["turn-0", "turn-1"], ["turn-2"]]


def test_nobody_is_told_of_another_tenant_s_conversation(archive, kept, ledger):
    say(ledger, 0, owner="acme/ann")
    keep_one(archive, "theirs", 1, tenant="acme")

    for conversation_id in (HERE, "theirs", "never"):
        with pytest.raises(NoSuchConversation):
            Reading(kept, ledger).tell(conversation_id, None, 9)
