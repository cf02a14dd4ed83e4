"""The product over fakes, and over a Redis that each test controls."""

import shutil
from datetime import timedelta

import pytest
from flask import Flask

from greenroom.app.api import rooms as rooms_api
from greenroom.app.api.application import register
from greenroom.app.api.services import Services
from greenroom.app.providers.local import Local
from greenroom.app.rooms import assistants, users
from greenroom.app.rooms.asked_moves import AskedMoves
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leaving import Leaving
from greenroom.app.rooms.line_upkeep import Positions
from greenroom.app.rooms.overview import Overview
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.requests.table import REQUESTS
from greenroom.app.settings import IceServer, Settings
from tests.fakes.launches import RememberedLaunches
from tests.fakes.puppet import Puppet
from tests.fakes.rooms import Rooms
from tests.rigs.api import KEY, SIGNS, Caller
from tests.rigs.controlled_database import in_a_hurry, leave_empty
from tests.rigs.controlled_ledger import ControlledLedger
from tests.rigs.makers import a_report
from tests.rigs.redis_world import patient_ledger

PERSONALITIES = ("host", "gruff")


@pytest.fixture(scope="session")
def ledger_below(redis_url):
    """Its connections outlive the tests: making new ones costs more than most of them."""
    it = patient_ledger(redis_url)
    yield it
    it.close()


@pytest.fixture
def ledger(ledger_below, redis_client):
    return ControlledLedger(ledger_below, redis_client)


@pytest.fixture
def rooms():
    """A provider that a test fills."""
    return Rooms()


@pytest.fixture
def hall(rooms):
    return rooms.room("hall")


@pytest.fixture
def staffed(ledger):
    """There is a worker, and it has free slots."""
    ledger.run(a_report())


@pytest.fixture
def launches():
    return RememberedLaunches()


@pytest.fixture
def joining(ledger, launches):
    """Whoever waits until it is known whether a bot lives waits in the ledger's time."""
    return Joining(ledger, launches, sleep=lambda seconds: ledger.pass_time(timedelta(seconds=seconds)))


@pytest.fixture
def asked_moves(ledger, launches):
    return AskedMoves(ledger, launches, sleep=lambda seconds: ledger.pass_time(timedelta(seconds=seconds)))


@pytest.fixture
def leaving(ledger, rooms):
    return Leaving(ledger, Providers.of([rooms, Local()]))


@pytest.fixture
def overview(ledger):
    return Overview(ledger)


@pytest.fixture
def waiting_line(ledger):
    return Positions(ledger)


@pytest.fixture
def reaper(ledger, launches):
    return Reaper(ledger, launches)


@pytest.fixture
def puppet(ledger, launches):
    """The bot of the last launch; each call is a process of its own."""
    made = []

    def of_last_launch():
        session, token = launches.asked[-1]
        made.append(Puppet(ledger, session, token, owner=f"bots@stage/job/{len(made)}"))
        return made[-1]

    return of_last_launch


@pytest.fixture
def impatient(monkeypatch):
    """Nobody is waited for longer than a moment."""
    a_moment = timedelta(milliseconds=200)
    for request in REQUESTS.values():
        monkeypatch.setattr(request, "within", a_moment)
        if request.within_of_start is not None:
            monkeypatch.setattr(request, "within_of_start", a_moment)
    monkeypatch.setattr(rooms_api, "REAPED_WITHIN", a_moment)


@pytest.fixture(scope="session")
def settings(tmp_path_factory, migrated_file):
    var = tmp_path_factory.mktemp("var")
    shutil.copy(migrated_file, var)
    stun = IceServer(("stun:stun.example.com",))
    made = Settings(api_key=KEY, signing_secret=SIGNS, var_dir=var, ice_servers=(stun,))
    assert made.database_url == f"sqlite:///{var / migrated_file.name}"
    with in_a_hurry(), pytest.MonkeyPatch.context() as patch:
        for subject in (assistants, users):  # on a busy machine a database is late, and not away
            patch.setattr(subject, "WITHIN", timedelta(seconds=60))
        yield made


@pytest.fixture(scope="session")
def built_once(settings, ledger_below):
    """The application; building it takes longer than most tests."""
    services = Services.over(ledger_below, RememberedLaunches(), settings, PERSONALITIES)
    return register(Flask("app", static_folder=None), services)


@pytest.fixture
def app(built_once, settings, ledger, launches):
    """The application over this test's fakes, and a database that is empty again after it."""
    here = built_once.extensions["greenroom"] = Services.over(ledger, launches, settings, PERSONALITIES)
    yield built_once
    leave_empty(here.database)


@pytest.fixture
def caller(app):
    """The holder of the key."""
    return Caller(app.test_client())
