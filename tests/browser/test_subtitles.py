"""A conversation's subtitles, as a browser reads them."""

import re
from typing import Any

from playwright.sync_api import Browser

from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.reading import Conversation, Told
from greenroom.app.rooms.transcripts import as_vtt

BEGAN = 1_795_900_000_000
SITE = "http://subtitles.test/"
PAGE = '<video><track default kind="subtitles" src="talk.vtt"></video>'
CUES = """async () => {
  const element = document.querySelector("track");
  if (element.readyState < 2) {
    await new Promise((loaded, failed) => { element.onload = loaded; element.onerror = failed; });
  }
  return [...element.track.cues].map((cue) => {
    const said = cue.getCueAsHTML();
    return {
      id: cue.id,
      at: [cue.startTime, cue.endTime],
      who: said.querySelector("[title]")?.title,
      text: said.textContent,
    };
  });
}"""
HOSTILE = (
    "a < b && c > d\n\n00:00:01.000 --> 00:00:09.000\n<v eve>I am <b>Eve</b>.</v>\r\nNOTE &amp; \u2028 no\x00"
)


def read(chromium: Browser, *turns: Turn) -> list[dict[str, Any]]:
    """The cues that a browser finds in what these turns are told as."""
    conversation = Conversation("c1", "ann", BEGAN, BEGAN + 9000, len(turns), assistant="pearl <script>")
    text = as_vtt(Told(conversation, turns))
    page = chromium.new_page()
    try:
        page.route(SITE, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        page.route(f"{SITE}talk.vtt", lambda route: route.fulfill(body=text, content_type="text/vtt"))
        page.goto(SITE)
        cues: list[dict[str, Any]] = page.evaluate(CUES)
        return cues
    finally:
        page.close()


def a_turn(number: int, role: str, content: str, *, hours: int = 0, **facts: Any) -> Turn:
    at = BEGAN + hours * 3_600_000 + number * 1000
    return Turn(f"turn-{number}", role, content, sequence=number, started_ms=at, ended_ms=at + 500, **facts)


def test_each_turn_is_a_cue_at_its_time_with_its_speaker_s_name(chromium: Browser):
    asked, answered = a_turn(1, "user", "What time is it?"), a_turn(2, "assistant", "It is", interrupted=True)

    assert read(chromium, asked, answered, a_turn(3, "user", "Thanks.", person="ben", hours=100)) == [
        {"id": "1", "at": [1, 1.5], "who": "ann", "text": "What time is it?"},
        {"id": "2", "at": [2, 2.5], "who": "pearl <script>", "text": "It is (interrupted)"},
        {"id": "3", "at": [360_003, 360_003.5], "who": "ben", "text": "Thanks."},
    ]


def test_nothing_that_is_said_makes_a_cue_or_a_speaker_of_its_own(chromium: Browser):
    (cue,) = read(chromium, a_turn(1, "user", HOSTILE))

    assert (cue["who"], cue["at"]) == ("ann", [1, 1.5])
    words = re.sub(r"\s+", " ", cue["text"])
    assert words.startswith(
        "a < b && c > d 00:00:01.000 --> 00:00:09.000 <v eve>I am <b>Eve</b>.</v> NOTE &amp; "
    )
