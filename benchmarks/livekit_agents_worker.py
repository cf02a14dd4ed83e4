"""The peer of bench-livekit-join and -memory: a worker of LiveKit Agents.  Runs in a virtual environment of its own.

    livekit_agents_worker.py session|track IDLE

`session` is an agent as LiveKit's own guide has it, an AgentSession with Silero for a
voice activity detector, which hears and never answers; `track` is the least a job can
do: it connects and publishes a track.  Says `warm PID` for each process that waits for
a job, and `registered` when the server knows this worker.
"""

import asyncio
import os
import sys
from typing import Any

import livekit.agents as agents
from livekit import rtc
from livekit.plugins import silero


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def prewarm(process: agents.JobProcess) -> None:
    process.userdata["vad"] = silero.VAD.load()
    say("warm", os.getpid())


async def session(job: agents.JobContext) -> None:
    say("job", os.getpid())
    talk: agents.AgentSession[Any] = agents.AgentSession(vad=job.proc.userdata["vad"])
    talk.on("user_state_changed", lambda change: say(change.new_state, os.getpid()))
    await talk.start(agents.Agent(instructions=""), room=job.room)


async def track(job: agents.JobContext) -> None:
    say("job", os.getpid())
    await job.connect()
    voice = rtc.LocalAudioTrack.create_audio_track("voice", rtc.AudioSource(24_000, 1))
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await job.room.local_participant.publish_track(voice, options)


def main() -> None:
    kind, idle = sys.argv[1:]
    server = agents.AgentServer(
        setup_fnc=prewarm,
        num_idle_processes=int(idle),
        load_fnc=lambda: 0.0,  # never too busy for a job
        host="127.0.0.1",
        port=0,
        log_level="ERROR",
    )
    server.rtc_session({"session": session, "track": track}[kind], agent_name=kind)
    server.on("worker_registered", lambda *_: say("registered"))
    asyncio.run(server.run())


if __name__ == "__main__":
    main()
