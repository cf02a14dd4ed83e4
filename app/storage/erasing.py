"""The erasure of a person, as Redis commands."""

from greenroom.app.rooms.erasing import (
    ForgetConversation,
    ForgetSession,
    ForgetTold,
    ForgetUser,
    ForgetVisits,
    ForgetWords,
    IsRewriting,
    RewriteFile,
    SessionsOf,
)
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Call, Command, Encoders, nothing, script

TOLD_AT_ONCE = 2000  # entries of a stream that are looked at in one step: a few milliseconds


def sessions_of(step: SessionsOf) -> Command:
    return Command(
        (Call(("ZRANGE", keys.user_sessions(step.user_id), 0, -1)),), lambda replies: list(replies[0])
    )


def forget_conversation(step: ForgetConversation) -> Command:
    conversation_id = step.conversation_id
    names = {
        "conversation": keys.conversation(conversation_id),
        "turns": keys.turns(conversation_id),
        "outbox": keys.outbox(conversation_id),
        "unstorable": keys.unstorable(conversation_id),
        "outboxes": keys.OUTBOXES,
        "with_some": keys.UNSTORABLE,
    }
    return Command((script("forget_conversation", names, id=conversation_id),), nothing)


def forget_words(step: ForgetWords) -> Command:
    conversation_id = step.conversation_id
    names = {
        "turns": keys.turns(conversation_id),
        "outbox": keys.outbox(conversation_id),
        "unstorable": keys.unstorable(conversation_id),
    }
    return Command((script("forget_words", names, person=step.person),), nothing)


def forget_session(step: ForgetSession) -> Command:
    session_id = step.session_id
    names = {
        "session": keys.session(session_id),
        "events": keys.events(session_id),
        "inbox": keys.inbox(session_id),
        "aside": keys.sessions_unstorable(),
    }
    return Command((script("forget_session", names, id=session_id),), nothing)


def forget_visits(step: ForgetVisits) -> Command:
    names = {"session": keys.session(step.session_id), "events": keys.events(step.session_id)}
    return Command((script("forget_visits", names, person=step.person),), nothing)


def forget_user(step: ForgetUser) -> Command:
    user_id = step.user_id
    names = {
        "user_bot": keys.user_bot(user_id),
        "user_sessions": keys.user_sessions(user_id),
        "voice_rooms": keys.voice_rooms(user_id),
        "user_call": keys.user_call(user_id),
    }
    return Command((script("forget_user", names),), nothing)


def forget_told(step: ForgetTold) -> Command:
    names = {"told": keys.heard() if step.is_heard else keys.told()}
    about = {"tenant": step.tenant, "user": step.user_id, "after": step.after}
    call = script("forget_told", names, **about, limit=TOLD_AT_ONCE)
    return Command((call,), lambda replies: str(replies[0]))


def is_rewriting(_: IsRewriting) -> Command:
    at_it = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
    return Command(
        (Call(("INFO", "persistence")),), lambda replies: any(replies[0].get(each) for each in at_it)
    )


def rewrite_file(_: RewriteFile) -> Command:
    return Command((Call(("BGREWRITEAOF",)),), nothing)


ENCODERS: Encoders = {
    SessionsOf: sessions_of,
    ForgetConversation: forget_conversation,
    ForgetWords: forget_words,
    ForgetSession: forget_session,
    ForgetVisits: forget_visits,
    ForgetUser: forget_user,
    ForgetTold: forget_told,
    IsRewriting: is_rewriting,
    RewriteFile: rewrite_file,
}
