"""How a bot that is on follows its assistant, when that has changed."""

from dataclasses import replace

from greenroom.app.rooms.assistants import Assistant, follow
from tests.rigs.makers import a_brief

CONCIERGE = Assistant(
    "a-1",
    "concierge",
    personality="host",
    voice="deep",
    language="en",
    prompts={"goodbye": "Bye.", "away": "Back soon."},
)
AS_ASKED = {"voice": "deep", "language": "en", "prompts": {"goodbye": "Bye.", "away": "Back soon."}}


def test_what_the_bot_has_from_its_assistant_follows_it():
    now = replace(CONCIERGE, voice="warm", personality="gruff", prompts={"goodbye": "Farewell."})
    brief = follow(a_brief(**AS_ASKED), CONCIERGE, now)

    assert (brief.voice, brief.personality, brief.prompts) == ("warm", "gruff", {"goodbye": "Farewell."})


def test_what_the_call_named_stays():
    now = replace(CONCIERGE, voice="warm", language="de", prompts={"goodbye": "Farewell.", "away": "Soon."})
    asked = a_brief(voice="thin", language="fr", prompts={"goodbye": "Ciao.", "away": "Back soon."})
    brief = follow(asked, CONCIERGE, now)

    assert (brief.voice, brief.language) == ("thin", "fr")
    assert brief.prompts == {"goodbye": "Ciao.", "away": "Soon."}


def test_an_assistant_that_has_not_changed_changes_nothing():
    brief = a_brief(**AS_ASKED)

    assert follow(brief, CONCIERGE, replace(CONCIERGE, updated_ms=7)) == brief


def test_a_personality_that_is_the_installation_s_again_is_left_to_the_next_join():
    assert follow(a_brief(), CONCIERGE, replace(CONCIERGE, personality=None)).personality == "host"


def test_the_module_the_clocks_and_the_memory_are_the_session_s():
    now = replace(CONCIERGE, bot="another", memory=False)

    assert follow(a_brief(**AS_ASKED), CONCIERGE, now) == a_brief(**AS_ASKED)
