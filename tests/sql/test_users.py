"""Users, as both databases keep them."""

import threading

import pytest

from greenroom.app.conversations.users import SqlUsers

ADA = {"first_name": "Ada “A.”", "age": 36, "weight": 60.5, "is_member": True}


@pytest.fixture
def store(database):
    return SqlUsers(database)


def say(store, user_id="ada", **profile):
    return store.change(
        user_id, lambda old: old.with_more(profile=profile, preferences={"tea": ["black", None]})
    )


def test_a_user_is_found_as_it_was_said_of_them(store):
    assert store.find("ada") is None

    said = say(store, **ADA)

    assert store.find("ada") == said
    assert (said.profile, said.preferences) == (ADA, {"tea": ["black", None]})
    assert said.created_ms == said.updated_ms > 1_700_000_000_000


def test_a_user_who_is_changed_keeps_their_beginning(store):
    before = say(store, **ADA)

    after = say(store, age=37)

    assert after.created_ms == before.created_ms and after.updated_ms >= before.updated_ms
    assert store.find("ada").profile == {**ADA, "age": 37}


def test_changes_at_once_lose_nothing_of_each_other(store):
    def count(name):
        for number in range(5):
            say(store, **{name: number})

    threads = [threading.Thread(target=count, args=[f"field_{each}"]) for each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert store.find("ada").profile == {f"field_{each}": 4 for each in range(4)}


def test_tenants_know_their_own_users(database, store):
    other = SqlUsers(database, "acme")
    say(store, first_name="Ada")
    say(other, first_name="Augusta")

    assert store.find("ada").profile == {"first_name": "Ada"}
    assert other.find("ada").profile == {"first_name": "Augusta"}
