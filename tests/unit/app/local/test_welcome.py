"""What a person is told of a start."""

from greenroom.app.local.local_models import LocalModel
from greenroom.app.local.welcome import welcome
from greenroom.app.settings import Settings


def test_whoever_has_a_model_on_this_machine_is_told_how_the_bot_thinks_with_it():
    found = LocalModel("Ollama", 11434, "llama3.2:3b")

    told = welcome(Settings(), ["web", "bots"], 1.0, False, {}, [found])

    assert "Ollama answers on this machine, at port 11434" in told
    assert "    THINKING=ollama/llama3.2:3b make up\n" in told
    assert "THINKING" not in welcome(Settings(), ["web", "bots"], 1.0, False, {})
