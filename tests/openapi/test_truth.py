"""/openapi.json tells the truth: whatever schemathesis makes of it is answered as it says, and never with a 5xx.

In this process, over a Redis of its own: a bot is in one room and answers what it is asked.  API_EXAMPLES is how many
requests are made in all, of those routes that take anything.
"""

import os

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from greenroom.app.api.services import Services
from tests.fakes.launches import RememberedLaunches
from tests.fakes.puppet import Puppet
from tests.rigs.api import KEY
from tests.rigs.controlled_database import leave_empty
from tests.rigs.makers import a_report, an_order
from tests.unit.conftest import PERSONALITIES

EXAMPLES = int(os.environ.get("API_EXAMPLES", "2000"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
    unsupported_method,
]
CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {
            "negative_data_rejection": {
                "expected-statuses": ["400", "401", "403", "404", "405", "413", "415", "422"]
            }
        }
    }
)
BY_ANOTHER_PROCESS = {
    "/events"
}  # the events process answers, over a socket: tests/redis/test_event_streams.py
ANSWERS = {
    "offer": {"answer": {"sdp": "v=0\r\n", "type": "answer", "pc_id": "p-1"}},
    "give_way": {"gives_way": False},
}


def set_the_stage(app, settings, ledger):
    """A bot in one room, as if nothing had been asked yet; the session's id."""
    ledger.begin_anew()
    leave_empty(app.extensions["greenroom"].database)
    launches = RememberedLaunches()
    here = app.extensions["greenroom"] = Services.over(ledger, launches, settings, PERSONALITIES)
    ledger.run(a_report())
    session_id = here.joining.join(an_order()).session_id
    bot = Puppet(ledger, *launches.asked[-1]).go_live()
    ledger.meanwhile.append(lambda: bot.obey(ANSWERS))
    return session_id


def is_sent_anything(operation):
    return bool(operation.body or operation.query or operation.path_parameters or operation.headers)


def is_wrong_as_sent(case):
    """Whether what is wrong with it arrives: the key is ours, and in a query an empty list or null is not sent at all.

    Nor is an object there: its entries are, each as a parameter of its own, and may be right.
    """
    parts = {
        place.value for place, part in case.meta.components.items() if part.mode is GenerationMode.NEGATIVE
    }
    if any(value in (None, []) or isinstance(value, dict) for value in (case.query or {}).values()):
        parts.discard("query")
    return bool(parts - {"header"})


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.usefixtures("impatient")
def test_what_the_description_says_is_so(built_once, settings, ledger, mode):
    schema = schemathesis.openapi.from_wsgi("/openapi.json", built_once, config=CONFIG)
    operations = [each.ok() for each in schema.get_all_operations()]
    operations = [each for each in operations if each.path not in BY_ANOTHER_PROCESS]
    if mode is GenerationMode.NEGATIVE:
        # A path takes any text: most of the time would go into looking for a wrong one
        operations = [each for each in operations if each.body or each.query]
    share = EXAMPLES // len(GenerationMode) // sum(map(is_sent_anything, operations)) + 1
    made = 0
    for operation in operations:

        @hypothesis.settings(
            max_examples=share,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(operation.as_strategy(generation_mode=mode))
        def is_so(case):
            nonlocal made
            hypothesis.assume(mode is GenerationMode.POSITIVE or is_wrong_as_sent(case))
            made += 1
            session_id = set_the_stage(built_once, settings, ledger)
            if made % 4 and "session_id" in (case.path_parameters or {}):  # each fourth asks for nobody's
                case.path_parameters["session_id"] = session_id
            if mode is GenerationMode.POSITIVE and case.query and "wait" in case.query:
                case.query["wait"] = 0.01  # nobody comes meanwhile
            case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"}, checks=CHECKS)

        is_so()
