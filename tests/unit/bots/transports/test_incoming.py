"""What people's clients send: every kind of message that the installed pipecat knows, in every kind of room."""

import ast
import asyncio
import base64
import inspect
import json
import textwrap
from datetime import timedelta
from types import SimpleNamespace

import pytest
from livekit import rtc
from pipecat.processors.frameworks.rtvi import RTVIProcessor
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.daily.transport import DailyInputTransportMessageFrame
from pipecat.transports.livekit.transport import (
    LiveKitCallbacks,
    LiveKitInputTransport,
    LiveKitInputTransportMessageFrame,
    LiveKitParams,
)

from greenroom.app.rooms.room import Room
from greenroom.bots.assistant import people as people_module
from greenroom.bots.seam.livekit import Client
from greenroom.bots.transports.incoming import (
    DECIDED,
    Decision,
    Incoming,
    error_response,
    is_rtvi,
    keep_to_rtvi,
)
from greenroom.bots.transports.livekit import LiveKitStage
from tests.fakes.listener import Deaf
from tests.unit.bots.assistant.test_people import eventually, room

pytestmark = pytest.mark.anyio
CANARY = "canary-6f1d"
SOUND = base64.b64encode(CANARY.encode() * 10).decode()
DATA = {
    "client-ready": {"version": "2.0.0", "about": {"library": CANARY}},
    "send-text": {"content": CANARY},
    "send-file": {
        "content": CANARY,
        "file": {"format": "text/plain", "source": {"type": "bytes", "bytes": SOUND}},
    },
    "client-message": {"t": CANARY, "d": CANARY},
    "llm-function-call-result": {
        "function_name": "f", "tool_call_id": "1", "arguments": {}, "result": CANARY,
    },
    "raw-audio": {"base64Audio": SOUND, "sampleRate": 16_000, "numChannels": 1},
    "raw-audio-batch": {"base64AudioBatch": [SOUND], "sampleRate": 16_000, "numChannels": 1},
    "dtmf": {"buttons": ["1"]},
    "ui-event": {"event": CANARY, "payload": {"text": CANARY}},
    "ui-snapshot": {"tree": {"root": {"ref": "1", "role": CANARY, "name": CANARY}, "captured_at": 1}},
    "ui-cancel-job-group": {"job_id": CANARY, "reason": CANARY},
    "disconnect-bot": None,
}  # fmt: skip
KINDS = sorted(DATA)
ALONE = [kind for kind in KINDS if DECIDED[kind] is Decision.ALONE]


def sent(kind, **data):
    return {"label": "rtvi-ai", "type": kind, "id": "7", "data": data or DATA.get(kind)}


def known_to_pipecat():
    """The cases of its `match`."""
    source = textwrap.dedent(inspect.getsource(RTVIProcessor._handle_message))
    (match,) = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Match)]
    literals = (node for case in match.cases for node in ast.walk(case.pattern))
    return {node.value for node in literals if isinstance(node, ast.Constant)}


def test_every_kind_of_message_that_pipecat_knows_is_decided():
    """A release of pipecat with a new kind fails here until somebody has decided where it may come from."""
    assert known_to_pipecat() == set(DECIDED) == set(DATA)


@pytest.mark.parametrize("kind", KINDS)
def test_alone_with_a_bot_a_person_may_send_all_that_pipecat_knows(kind):
    assert Incoming(Deaf(), is_shared=False).refusal(sent(kind), "ann") is None


@pytest.mark.parametrize("kind", KINDS)
def test_among_several_people_only_what_says_whose_it_is_is_taken(kind):
    is_taken = Incoming(Deaf(), is_shared=True).refusal(sent(kind), "ann") is None

    assert is_taken == (kind in {"client-ready", "send-text"})


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "client-ready"])
@pytest.mark.parametrize("is_shared", [True, False])
def test_what_nobody_is_known_to_have_sent_is_refused(kind, is_shared):
    assert Incoming(Deaf(), is_shared=is_shared).refusal(sent(kind), None)


@pytest.mark.parametrize("kind", ["bot-ready", "something-new", "", None, 7, ["send-text"], {}])
@pytest.mark.parametrize("is_shared", [True, False])
def test_a_kind_that_is_not_on_the_list_is_refused(kind, is_shared):
    assert Incoming(Deaf(), is_shared=is_shared).refusal({"label": "rtvi-ai", "type": kind}, "ann")


@pytest.mark.parametrize(
    "source",
    [
        {"type": "url", "url": "http://169.254.169.254/"},
        {"type": "bytes", "url": "http://169.254.169.254/"},
        {"type": "bytes", "bytes": SOUND, "url": "http://169.254.169.254/"},
        {"type": "bytes", "bytes": None},
        "http://169.254.169.254/",
        None,
    ],
)
def test_a_file_is_never_fetched_from_an_address(source):
    file = sent("send-file", content="look", file={"format": "image/png", "source": source})

    assert "as bytes" in Incoming(Deaf(), is_shared=False).refusal(file, "ann")


def test_a_refusal_is_told_as_rtvi_has_it():
    assert error_response(sent("dtmf"), "no") == {
        "label": "rtvi-ai",
        "type": "error-response",
        "id": "7",
        "data": {"error": "no"},
    }


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(people_module, "HEARS_US_AFTER", 0)


@pytest.mark.parametrize("frame", [LiveKitInputTransportMessageFrame, DailyInputTransportMessageFrame])
async def test_even_past_the_list_nothing_without_an_author_comes_into_a_talk(frame):
    async with room(has_rtvi=True) as here:
        for person in ("ann", "ben"):
            await here.people.meet(person)
        await eventually(lambda: here.said_to("ann") and here.said_to("ben"))
        for kind in set(ALONE) - {"disconnect-bot"}:
            await here.send(frame(message=sent(kind), participant_id="ben"))
        await here.send(frame(message=sent("send-text", content="And I?"), participant_id="ben"))
        await eventually(lambda: len(here.said_to("ben")) == 2)

        assert here.said_to("ben")[1] == "To ['And I?']"
        assert [len(here.said_to(person)) for person in ("ann", "ben")] == [1, 2]
        for person in ("ann", "ben"):
            assert CANARY not in str(here.people.context_of(person).messages)
        assert not any(ears.heard for ears in here.ears)
        assert not [each for ears in here.ears for each in ears.took if CANARY in str(vars(each))]


class Input(BaseInputTransport):
    """Remembers what it would have pushed."""

    def __init__(self):
        super().__init__(TransportParams())
        self.pushed = []

    async def broadcast_frame(self, frame_cls, **facts):
        self.pushed.append(facts["message"])


async def test_what_is_not_rtvi_is_no_frame_in_a_pipeline():
    way = Input()
    keep_to_rtvi(way)
    for message in (sent("dtmf"), {"text": CANARY}, CANARY, [CANARY], {"label": "else", "type": "send-text"}):
        await way.broadcast_frame(LiveKitInputTransportMessageFrame, message=message, participant_id="ann")

    assert way.pushed == [sent("dtmf")]


class Inside(Client):
    """pipecat's client as it is in a room; a packet that comes is dealt with when `receives` is over."""

    def __init__(self, *args):
        super().__init__(*args)
        self.there = SimpleNamespace(remote_participants={})
        self._task_manager = SimpleNamespace(create_task=lambda read, _name: self._reads.append(read))
        self._reads = []

    @property
    def room(self):
        return self.there

    async def receives(self, packet):
        self._on_data_received_wrapper(packet)
        await self._reads.pop()


class InLiveKit:
    """A LiveKit room's side of what pipecat's client calls, with nobody in between."""

    def __init__(self):
        async def nothing(*_):
            pass

        self.taken, self.answers = [], []
        self.room = LiveKitStage(
            Room("livekit", "standup", "wss://livekit.example.com"),
            token=str, facts={}, describe=print,
            listener=Deaf(), waits=False,
        )  # fmt: skip
        told = dict.fromkeys(LiveKitCallbacks.model_fields, nothing) | {"on_data_received": self._take}
        self.client = Inside("", "", "", LiveKitParams(), LiveKitCallbacks(**told), "")
        self.client.send_data = self._answer
        self.room.built(SimpleNamespace(pipeline=LiveKitInputTransport(None, self.client, LiveKitParams())))

    async def _take(self, data, sender):
        self.taken.append((sender, data))

    async def _answer(self, data, to):
        self.answers.append((to, json.loads(data)))

    async def hear(self, message, sender):
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        participant = sender and SimpleNamespace(identity=sender)
        await self.client.receives(rtc.DataPacket(data, 0, participant))

    def comes(self, identity):
        """Somebody of whom LiveKit has not told before."""
        somebody = SimpleNamespace(identity=identity, name="", metadata="", attributes={}, kind=0)
        self.client.there.remote_participants[identity] = somebody
        self.room._see(self.client.there)


@pytest.mark.parametrize("is_shared", [True, False])
def test_what_an_app_says_to_its_session_does_not_reach_the_bot_s_own_code(is_shared):
    said = {"type": "user-message", "content": CANARY, "timestamp": 7}

    assert not Incoming(Deaf(), is_shared=is_shared).takes(said, "ann", lambda _: None)
    assert Incoming(Deaf(), is_shared=is_shared).takes({"mine": 1}, "ann", lambda _: None)


@pytest.mark.parametrize("kind", ALONE)
async def test_in_a_livekit_room_a_refusal_is_told_to_its_sender_alone(kind):
    here = InLiveKit()

    await here.hear(sent(kind), "ben")

    assert here.taken == []
    await eventually(lambda: here.answers)
    ((to, answer),) = here.answers
    assert (to, answer["type"], kind in answer["data"]["error"]) == ("ben", "error-response", True)


async def test_in_a_livekit_room_typed_lines_and_a_bots_own_language_are_taken():
    here = InLiveKit()

    for message in (sent("send-text"), {"mine": 1}, b"\xff", b"no JSON"):
        await here.hear(message, "ben")

    assert [sender for sender, _ in here.taken] == ["ben"] * 4
    assert here.answers == []


async def test_in_a_livekit_room_a_typed_line_of_nobody_is_dropped(monkeypatch):
    monkeypatch.setattr("greenroom.bots.transports.livekit.NAMED_WITHIN", timedelta(0))
    here = InLiveKit()

    await here.hear(sent("send-text"), None)

    assert (here.taken, here.answers) == ([], [])


async def test_in_a_livekit_room_a_line_of_nobody_is_of_whoever_was_not_known_when_it_came():
    """Ann has just come as well, and was answered as if she had said what Ben wrote."""
    here = InLiveKit()
    here.comes("ann")
    heard = asyncio.create_task(here.hear(sent("send-text"), None))
    await asyncio.sleep(0)
    assert here.taken == []
    here.comes("ben")
    await heard

    assert [sender for sender, _ in here.taken] == ["ben"]


async def test_a_bot_that_is_silenced_before_it_is_in_its_livekit_room_stays_silent():
    here = InLiveKit()
    frame = rtc.AudioFrame.create(24_000, 1, 240)
    before = await here.client.publish_audio(frame)
    here.room.silence()

    assert (before, await here.client.publish_audio(frame)) == (False, True), "taken, and played to nobody"


@pytest.mark.parametrize("message", [None, 1, "x", [], {"label": ["rtvi-ai"]}, {"label": "rtvi"}])
def test_anything_may_be_asked_whether_it_is_rtvi(message):
    assert not is_rtvi(message)
