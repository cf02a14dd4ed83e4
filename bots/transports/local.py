"""A local room: the browser's peer connection ends here, in the bot's own process.

pipecat makes a connection from an offer.  Ours is there before any offer has
come, so that the bot's pipeline is running when the first person arrives, and
it stays when they reload the page: the next offer gets a new peer connection
behind the same object.  There is never more than one peer connection a room.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from aiortc import RTCIceServer
from aiortc.sdp import SessionDescription, candidate_from_sdp
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import SmallWebRTCRunnerArguments

from greenroom.app.errors.bots import CandidatesRefused, OfferRefused
from greenroom.app.errors.rooms import RoomFull
from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.providers import Source, Track
from greenroom.app.rooms.room import LOCAL
from greenroom.app.settings import IceServer
from greenroom.bots import seam
from greenroom.bots.seam.local import PeerConnection
from greenroom.bots.transports.incoming import Incoming, keep_to_rtvi
from greenroom.bots.transports.shared import server_message
from greenroom.bots.transports.stage import Listener

seam.install(LOCAL)


class LocalStage(PeerConnection):
    """The one peer connection of a room, and who is at its other end."""

    def __init__(self, ice_servers: tuple[IceServer, ...], *, listener: Listener) -> None:
        super().__init__(
            ice_servers=[
                RTCIceServer(urls=list(server.urls), username=server.username, credential=server.credential)
                for server in ice_servers
            ]
        )
        self.person: str | None = None  # the user whose offer was last accepted
        # The id by which that offer named its connection, which may be an older one's
        self._named: str | None = None
        self._listener = listener
        self._is_present = False
        self._here_since = time.monotonic()  # of the person who is there
        self._has_given_room_up = False  # people stay in it for the session's next bot
        self._incoming = Incoming(listener, is_shared=False)
        self.add_event_handler("connected", self._arrived)
        self.add_event_handler("closed", self._departed)
        self.add_event_handler("failed", self._departed)

    @property
    def has_person(self) -> bool:
        """Whether a person is connected now; a broken connection is noticed after some seconds."""
        return self._is_present and self.is_connected()

    @property
    def people(self) -> frozenset[str]:
        return frozenset({self.person}) if self.has_person and self.person else frozenset()

    def look(self) -> Sequence[Seen]:
        if not self.people:
            return ()
        of = {Source.MICROPHONE: self.audio_input_track(), Source.CAMERA: self.video_input_track()}
        tracks = tuple(Track(source, muted=not track.is_enabled()) for source, track in of.items() if track)
        here_for = timedelta(seconds=time.monotonic() - self._here_since)
        return tuple(Seen(identity, here_for, tracks) for identity in self.people)

    @property
    def _is_over(self) -> bool:
        return self.pc.connectionState in ("closed", "failed")

    async def take(self, user_id: str, offer: Mapping[str, Any]) -> dict[str, str]:
        """Answer an offer.  Raises RoomFull if another person is here, OfferRefused if it cannot be used.

        The latest of a person's devices has the call: the one before is told so, and does not come back by itself.
        """
        if self.has_person and self.person != user_id:
            raise RoomFull
        if not _has_media(offer["sdp"]):  # checked before the connection that is there is given up for it
            raise OfferRefused
        is_first = self.get_answer() is None
        is_same_peer = offer.get("pc_id") == self.pc_id and not offer.get("restart_pc") and not self._is_over
        if self.has_person and offer.get("pc_id") not in self._ids:
            self.tell("taken_over")
            self.tell_peer_left()
        try:
            if is_first:
                await self.initialize(offer["sdp"], offer["type"])
            else:
                await self.renegotiate(offer["sdp"], offer["type"], restart_pc=not is_same_peer)
        except Exception as error:  # aiortc's parser raises errors of any kind
            if not is_same_peer:
                await self._departed(self)  # their connection was given up for this offer
            raise OfferRefused from error
        self.person, self._named = user_id, offer.get("pc_id")
        answer: dict[str, str] | None = self.get_answer()
        if answer is None:
            raise OfferRefused
        return answer

    @property
    def _ids(self) -> frozenset[str]:
        """What the client that is there calls its connection, as in an offer that mends it."""
        return frozenset(each for each in (self.pc_id, self._named) if each is not None)

    async def add_candidates(self, pc_id: str, candidates: Sequence[Mapping[str, Any]]) -> None:
        """Add further addresses at which the browser can be reached.  Raises CandidatesRefused.

        A client that has no answer to its offer yet knows its connection by the id that it put into the offer.
        """
        if pc_id not in self._ids and not all(self._was_offered(given["candidate"]) for given in candidates):
            raise CandidatesRefused
        try:
            for given in candidates:
                candidate = candidate_from_sdp(given["candidate"]) if given["candidate"] else None
                if candidate:
                    candidate.sdpMid, candidate.sdpMLineIndex = given["sdp_mid"], given["sdp_mline_index"]
                await self.add_ice_candidate(candidate)
        except Exception as error:  # aiortc's parser again
            raise CandidatesRefused from error

    def _was_offered(self, candidate: str) -> bool:
        """Whether an address says that it belongs to the connection that was offered last."""
        offered, says = self.pc.remoteDescription, re.search(r" ufrag (\S+)", candidate)
        if offered is None or says is None:
            return False
        return f"a=ice-ufrag:{says[1]}" in offered.sdp.splitlines()

    def runner_arguments(self, session_id: str, body: dict[str, Any]) -> SmallWebRTCRunnerArguments:
        """The runner arguments that a bot gets, as pipecat defines them."""
        arguments = SmallWebRTCRunnerArguments(webrtc_connection=self, session_id=session_id, body=body)
        arguments.pipeline_idle_timeout_secs = None  # the session's own clocks say when it is over
        return arguments

    def tell(self, event: str, *, only: str | None = None, **facts: Any) -> None:
        if self.has_person and only in (None, self.person):
            self.send_app_message(server_message(event, **facts))

    def built(self, pipeline: PipelineWorker) -> None:
        keep_to_rtvi(pipeline.pipeline)

    async def ready_to_enter(self) -> None:
        """Never returns: a bot here is wholly started before any browser connects, and waits for nothing."""
        await asyncio.Future()

    def enter(self) -> None:
        pass

    def take_part(self) -> None:
        """Nothing: nobody can be here before the session is, whose inbox has all offers."""

    def change_conversation(self, conversation_id: str) -> None:
        """Nothing: the room tells nobody of its conversation."""

    def listen(self, *, to_people: bool) -> None:
        self._incoming.listens = to_people

    def accepts(self, message: Any) -> bool:
        return self._incoming.takes(message, self.person, self.send_app_message)

    async def show(self, name: str | None) -> None:
        """Nothing: local rooms have no pictures."""

    def pause(self) -> None:
        self._incoming.is_paused = True
        super().pause()

    def resume(self) -> None:
        self._incoming.is_paused = False
        super().resume()

    def silence(self) -> None:
        self._has_given_room_up = True
        for sender in self.pc.getSenders():
            sender.replaceTrack(None)

    async def disconnect(self) -> None:
        """Leave the room; this is the bot's leaving, and no person's.

        pipecat's clients are told "peer left" only where there will be no other bot: they hang up for good then.
        """
        self._is_present = False
        if self._has_given_room_up:
            await self.close()
        else:
            await super().disconnect()

    async def _arrived(self, _: PeerConnection) -> None:
        if not self._is_present:
            self._here_since = time.monotonic()
        self._is_present = True
        if self.person is not None:
            await self._listener.arrived(self.person)

    async def _departed(self, _: PeerConnection) -> None:
        self.release_voice()
        was_present, self._is_present = self._is_present, False
        if was_present and self.person is not None:
            await self._listener.departed(self.person)


def _has_media(sdp: str) -> bool:
    try:
        return bool(SessionDescription.parse(sdp).media)
    except Exception:  # aiortc's parser again
        return False
