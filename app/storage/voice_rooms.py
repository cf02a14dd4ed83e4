"""Voice rooms as Redis commands."""

from greenroom.app.rooms.voice_rooms import OpenVoiceRoom, VoiceRoom
from greenroom.app.storage import keys
from greenroom.app.storage.commands import Command, Encoders, Reply, ms, script


def open_voice_room(step: OpenVoiceRoom) -> Command:
    call = script(
        "open_voice_room",
        {"voice_rooms": keys.voice_rooms(step.user_id)},
        room=str(step.room),
        lasts_ms=ms(step.lasts),
        renewed_ms=ms(step.renewed_within),
    )

    def read(replies: list[Reply]) -> VoiceRoom:
        created_ms, active_ms, expires_ms, is_new = replies[0]
        return VoiceRoom(created_ms, active_ms, expires_ms, bool(is_new))

    return Command((call,), read)


ENCODERS: Encoders = {
    OpenVoiceRoom: open_voice_room,
}
