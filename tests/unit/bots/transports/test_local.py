"""A local room's peer connection: which candidates are its own, and who is told that the bot has left."""

import asyncio
import json
import re
from datetime import timedelta

import pytest
from aiortc import RTCSessionDescription
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc import transport

from greenroom.app.errors.bots import CandidatesRefused
from greenroom.app.rooms.providers import Source, Track
from greenroom.bots.transports.local import LocalStage
from tests.fakes.listener import Deaf
from tests.fakes.person import peer_connection

pytestmark = pytest.mark.anyio
HOST = "candidate:1 1 udp 1 192.0.2.1 9 typ host"
BEFORE = "SmallWebRTCConnection#0-before"  # a connection to the room's bot before this one


@pytest.fixture
async def room():
    room = LocalStage((), listener=Deaf())
    await room.connect()  # as pipecat's transport does when the bot's pipeline starts
    yield room
    await room.disconnect()


class Client:
    """A browser's end, as pipecat's client makes it."""

    def __init__(self):
        self.peer = peer_connection()
        self.peer.addTransceiver("audio", direction="sendrecv")
        self.is_open = asyncio.Event()
        self.heard = []
        channel = self._channel = self.peer.createDataChannel("chat")
        channel.on("open", self.is_open.set)
        channel.on("message", lambda text: self.heard.append(json.loads(text)))

    def say(self, message):
        self._channel.send(json.dumps(message))

    @property
    def refusals(self):
        return [each for each in self.heard if each["type"] == "error-response"]

    async def offer(self, **more):
        await self.peer.setLocalDescription(await self.peer.createOffer())
        offer = self.peer.localDescription
        return {"sdp": offer.sdp, "type": offer.type, **more}

    async def offer_early(self, **more):
        """Before any candidate is known, as browsers do."""
        offer = await self.offer(**more)
        lines = offer["sdp"].splitlines(keepends=True)
        early = [line for line in lines if not re.match("a=(candidate|end-of-candidates)", line)]
        return {**offer, "sdp": "".join(early)}

    async def enter(self, room):
        answer = await room.take("ann", await self.offer())
        await self.peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await asyncio.wait_for(self.is_open.wait(), 10)

    @property
    def ufrag(self):
        return re.search(r"a=ice-ufrag:(\S+)", self.peer.localDescription.sdp)[1]

    async def until_closed(self):
        async with asyncio.timeout(10):
            while self.peer.connectionState not in ("closed", "failed"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@pytest.fixture
async def client():
    client = Client()
    yield client
    await client.peer.close()


def candidate(text):
    return {"candidate": text, "sdp_mid": "0", "sdp_mline_index": 0}


def hosts(room):
    """Where the room will try to reach its person."""
    (transceiver, *_) = room.pc.getTransceivers()
    ice = transceiver.receiver.transport.transport._connection
    return [each.host for each in ice.remote_candidates]


async def test_the_latest_of_a_persons_devices_has_the_call_and_the_one_before_is_told_so(room, client):
    """Each of them made a new line as soon as the other had pushed it out, without end."""
    await client.enter(room)
    second = Client()
    try:
        await second.enter(room)
        await client.until_closed()

        assert [each.get("data", each.get("message")) for each in client.heard] == [
            {"type": "greenroom", "event": "taken_over"},
            {"type": "peerLeft"},
        ]
        assert second.heard == []
        assert room.people == {"ann"}
    finally:
        await second.peer.close()


async def test_a_device_that_mends_its_own_line_is_told_nothing(room, client):
    await client.enter(room)
    again = Client()
    try:
        answer = await room.take("ann", await again.offer(pc_id=room.pc_id, restart_pc=True))
        await again.peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await asyncio.wait_for(again.is_open.wait(), 10)
        await client.until_closed()

        assert client.heard == []
    finally:
        await again.peer.close()


async def test_candidates_that_carry_the_id_of_the_connection_before_are_kept(room, client):
    """A client that has no answer yet knows no other id."""
    await room.take("ann", await client.offer_early(pc_id=BEFORE, restart_pc=True))

    await room.add_candidates(BEFORE, [candidate(HOST)])

    assert hosts(room) == ["192.0.2.1"]


async def test_candidates_that_carry_the_answers_id_are_kept(room, client):
    answer = await room.take("ann", await client.offer_early(pc_id=BEFORE, restart_pc=True))

    await room.add_candidates(answer["pc_id"], [candidate(HOST), candidate("")])

    assert hosts(room) == ["192.0.2.1"]


async def test_a_candidate_that_says_itself_to_which_offer_it_belongs_is_kept(room, client):
    await room.take("ann", await client.offer_early())

    await room.add_candidates("of-whichever-connection", [candidate(f"{HOST} ufrag {client.ufrag}")])

    assert hosts(room) == ["192.0.2.1"]


@pytest.mark.parametrize("text", [HOST, f"{HOST} ufrag abcd"])
async def test_candidates_for_a_connection_that_is_no_more_are_refused_as_such(room, client, text):
    await room.take("ann", await client.offer_early(pc_id=BEFORE, restart_pc=True))
    second = Client()
    await room.take("ann", await second.offer())
    await second.peer.close()

    with pytest.raises(CandidatesRefused, match="candidates"):
        await room.add_candidates(BEFORE, [candidate(text)])


async def test_candidates_that_cannot_be_read_are_refused_as_such(room, client):
    answer = await room.take("ann", await client.offer_early())

    with pytest.raises(CandidatesRefused, match="cannot be read"):
        await room.add_candidates(answer["pc_id"], [candidate("candidate:nonsense")])


async def test_a_bot_sees_who_is_there_and_whether_they_are_muted(room, client):
    """Forum checklist: participants are tracked with their audio state."""
    assert room.look() == ()
    await client.enter(room)
    async with asyncio.timeout(10):
        while not room.people:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    (ann,) = room.look()
    assert (ann.identity, ann.tracks) == ("ann", (Track(Source.MICROPHONE),))
    assert timedelta(0) <= ann.here_for < timedelta(seconds=10)

    client.say(
        {"type": "signalling", "message": {"type": "trackStatus", "receiver_index": 0, "enabled": False}}
    )
    async with asyncio.timeout(10):
        while room.look()[0].tracks != (Track(Source.MICROPHONE, muted=True),):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_bot_that_leaves_for_good_says_so(room, client):
    await client.enter(room)
    await room.disconnect()
    await client.until_closed()

    assert {"type": "signalling", "message": {"type": "peerLeft"}} in client.heard


async def test_a_bot_whose_room_is_another_s_leaves_without_a_word(room, client):
    """pipecat's client hangs up for good when it is told that its peer has left."""
    await client.enter(room)
    room.silence()
    await room.disconnect()
    await client.until_closed()

    assert client.heard == []


async def test_a_refused_message_is_answered_and_never_reaches_the_bot(room, client):
    taken = []

    @room.event_handler("app-message")
    async def take(_room, message):
        taken.append(message["id"])

    await client.enter(room)
    address = {"type": "url", "url": "http://169.254.169.254/"}
    file = {"content": "look", "file": {"format": "image/png", "source": address}}
    for number, (kind, data) in enumerate(
        [("send-file", file), ("tell", {}), ("send-text", {"content": "Hi"})]
    ):
        client.say({"label": "rtvi-ai", "type": kind, "id": str(number), "data": data})
    async with asyncio.timeout(10):
        while not taken or len(client.refusals) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    assert taken == ["2"]
    assert [each["id"] for each in client.refusals] == ["0", "1"]


async def test_a_bot_s_output_waits_for_its_peer_as_long_as_there_is_one(room):
    """pipecat gives up an output for good that waits ten seconds, and so would a process that was frozen."""
    params = TransportParams(audio_out_enabled=True)
    (await create_transport(room.runner_arguments("a-session", {}), {"webrtc": lambda: params})).output()

    assert timedelta(seconds=params.audio_out_write_timeout_secs) > timedelta(days=1)


async def test_sound_that_waits_for_a_peer_that_has_gone_is_let_go(room, client):
    await client.enter(room)
    voice = transport.RawAudioTrack(24_000)
    room.replace_audio_track(voice)
    taken = voice.add_audio_bytes(bytes(480))
    await room.disconnect()

    assert await asyncio.wait_for(taken, 10)
