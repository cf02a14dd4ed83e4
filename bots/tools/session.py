"""The session itself: going to another room with its user, and ending the call."""

from typing import Any

from greenroom.bots.at_hand import Place
from greenroom.bots.tools.tool import Call, Refused, tool


@tool(within=12)
async def go_to(call: Call, place: Place) -> dict[str, Any]:
    """Go to the forum, the room where several people can be, or back from it; the person and you go together."""
    if call.person != call.here.user:
        raise Refused("Only the one whose bot this is takes it to another room.")
    room = await call.here.go(place)
    return {"on_the_way_to": str(room)}


@tool
async def end_call(call: Call) -> dict[str, Any]:
    """End the call, because the person asks for it. You need not say goodbye: that is said for you."""
    call.here.check_alone_with(call.person)

    async def end() -> None:
        call.here.end()

    call.afterwards, call.is_last_word = end, True
    return {"ending": True}
