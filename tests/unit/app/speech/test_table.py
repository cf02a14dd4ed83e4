"""The table of speech services, held against the source of the installed pipecat, none of which is imported."""

import ast
import subprocess
import sys
from functools import cache
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from greenroom.app.errors.bots import UnknownService
from greenroom.app.speech import Choice, Part, table

EVERYTHING = [*table().values()]
OF_PIPECAT = [each for each in EVERYTHING if each.target]
PIPECAT = Path(next(iter(find_spec("pipecat").submodule_search_locations))).parent

KIND_OF_SETTINGS = {
    Part.HEARING: "STTSettings",
    Part.THINKING: "LLMSettings",
    Part.SPEAKING: "TTSSettings",
    Part.TALKING: "LLMSettings",
}
# Where pipecat says which languages a service has: the file, and its function
LANGUAGES = {
    ("assemblyai", Part.HEARING): ("assemblyai/stt", "language_to_assemblyai_language"),
    ("cartesia", Part.SPEAKING): ("cartesia/tts", "language_to_cartesia_language"),
    ("elevenlabs", Part.HEARING): ("elevenlabs/stt", "language_to_elevenlabs_language"),
    ("elevenlabs", Part.SPEAKING): ("elevenlabs/tts_base", "language_to_elevenlabs_language"),
    ("google", Part.HEARING): ("google/stt", "language_to_google_stt_language"),
    ("google", Part.SPEAKING): ("google/tts", "language_to_google_tts_language"),
    ("aws", Part.HEARING): ("aws/stt", "language_to_service_language"),
    ("aws", Part.SPEAKING): ("aws/tts", "language_to_aws_language"),
    ("azure", Part.HEARING): ("azure/common", "language_to_azure_language"),
    ("azure", Part.SPEAKING): ("azure/common", "language_to_azure_language"),
    ("groq", Part.HEARING): ("whisper/base_stt", "language_to_whisper_language"),
    ("whisper", Part.HEARING): ("whisper/stt", "language_to_whisper_language"),
    ("kokoro", Part.SPEAKING): ("kokoro/tts", "language_to_kokoro_language"),
    ("gemini-live", Part.TALKING): ("google/gemini_live/llm", "language_to_gemini_language"),
}


def called(service):
    return f"{service.name} {service.part}"


@cache
def module(name):
    """What a module of pipecat's says, without importing it; and its path."""
    path = PIPECAT / f"{name.replace('.', '/')}.py"
    if not path.exists():
        path = PIPECAT / name.replace(".", "/") / "__init__.py"
    return ast.parse(path.read_text("utf-8"))


def found(name, word):
    """The class of that name in a module, or where that imports it from; None where it is of nobody's here."""
    for node in module(name).body:
        if isinstance(node, ast.ClassDef) and node.name == word:
            return name, node
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipecat."):
            for alias in node.names:
                if word == (alias.asname or alias.name):
                    return found(node.module, alias.name)
    return None


def its_class(service):
    where = found(*service.target.split(":"))
    assert where, f"pipecat has no {service.target}"
    return where


def bases(name, node):
    """Itself and everything of pipecat's that it is built on."""
    yield name, node
    for base in node.bases:
        spelled = ast.unparse(base).partition("[")[0]
        owner, _, inner = spelled.partition(".")
        if where := found(name, owner):
            yield from bases(*(settings_of(*where) if inner == "Settings" else where))


def settings_of(name, node):
    """The class that a service's `Settings` is, its own or that of what it is built on."""
    for where, each in bases(name, node):
        for line in each.body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "Settings":
                return found(where, ast.unparse(line.value))
    raise AssertionError(f"{node.name} has no Settings")


def fields_of(name, node):
    return {
        line.target.id
        for _, each in bases(name, node)
        for line in each.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


@pytest.mark.parametrize("service", OF_PIPECAT, ids=called)
def test_its_class_takes_the_arguments_that_the_table_gives_it(service):
    _, node = its_class(service)
    made = next(each for each in node.body if getattr(each, "name", "") == "__init__")
    takes = {argument.arg for argument in [*made.args.args, *made.args.kwonlyargs]}
    without_default = {
        argument.arg
        for argument, default in zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True)
        if default is None
    }

    given = {*service.keys, *service.options, *service.arguments}
    assert given | {"settings"} <= takes
    assert without_default <= given


@pytest.mark.parametrize("service", OF_PIPECAT, ids=called)
def test_its_settings_are_of_its_part_and_have_what_the_table_sets(service):
    where = settings_of(*its_class(service))

    assert KIND_OF_SETTINGS[service.part] in [node.name for _, node in bases(*where)]
    sets = {"model"} | ({"voice"} if service.voice else set())
    if service.part in (Part.HEARING, Part.SPEAKING):
        sets.add(service.language_setting)
    assert sets <= fields_of(*where)


@pytest.mark.parametrize("service", OF_PIPECAT, ids=called)
def test_its_extra_is_one_of_pipecats(service):
    assert service.extra in metadata("pipecat-ai").get_all("Provides-Extra")


@pytest.mark.parametrize("service", OF_PIPECAT, ids=called)
def test_what_its_module_refuses_to_do_without_is_what_the_table_says_it_needs(service):
    """Those that pipecat imports in a `try`, to say which extra brings them."""
    name, _ = its_class(service)
    needed = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for block in module(name).body
        if isinstance(block, ast.Try)
        for node in block.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    packages = {each.partition(".")[0] for each in needed} - {"botocore"}  # which aiobotocore brings
    assert packages == {each.partition(".")[0] for each in service.needs}


@pytest.mark.parametrize(("name", "part"), LANGUAGES)
def test_its_languages_are_those_that_pipecat_has_for_it(name, part):
    where, function = LANGUAGES[name, part]
    node = next(
        each
        for each in ast.walk(module(f"pipecat.services.{where.replace('/', '.')}"))
        if getattr(each, "name", "") == function
    )
    known = next(each for each in ast.walk(node) if isinstance(each, ast.Dict))

    codes = {key.attr.lower().partition("_")[0] for key in known.keys}
    assert set(table()[name, part].languages) == codes


@pytest.mark.parametrize("service", EVERYTHING, ids=called)
def test_a_row_has_one_way_in(service):
    assert bool(service.target) != bool(service.made_by)
    assert service.about


def test_the_table_has_what_people_ask_for():
    names = {name for name, _ in table()}

    assert names >= {
        *(
            "openai",
            "deepgram",
            "assemblyai",
            "cartesia",
            "elevenlabs",
            "anthropic",
            "google",
            "aws",
            "azure",
        ),
        *("groq", "whisper", "piper", "kokoro", "ollama", "openai-realtime", "gemini-live", "demo"),
    }
    assert {part for _, part in table()} == {*Part}


def test_what_a_service_lacks_is_said_as_what_to_do():
    missing = table()["kokoro", Part.SPEAKING]
    keyed = table()["deepgram", Part.HEARING]

    assert missing.lacks({}) == ["pip install 'pipecat-ai[kokoro]' (it needs kokoro_onnx)"]
    assert keyed.lacks({}) == ["set DEEPGRAM_API_KEY"]
    assert keyed.lacks({"DEEPGRAM_API_KEY": "k"}) == []
    assert table()["openai", Part.THINKING].lacks({}) == ["set OPENAI_API_KEY or OPENAI_BASE_URL"]
    assert table()["openai", Part.THINKING].lacks({"OPENAI_BASE_URL": "http://127.0.0.1:1234/v1"}) == []


def test_what_brings_the_demo_is_an_extra_of_ours():
    assert table()["demo", Part.SPEAKING].install == "pip install 'greenroom[demo]'"


def test_keys_and_options_reach_the_class_by_the_names_of_its_arguments():
    aws = table()["aws", Part.HEARING]
    environ = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}

    assert aws.given(environ) == {"region": "us-east-1", "aws_access_key_id": "id", "api_key": "secret"}
    assert aws.given({**environ, "AWS_REGION": "eu-west-1"})["region"] == "eu-west-1"


def test_a_choice_may_name_a_model_with_slashes_of_its_own():
    assert Choice.read("deepgram", Part.HEARING).model == ""
    assert Choice.read("groq/openai/gpt-oss-20b", Part.THINKING).model == "openai/gpt-oss-20b"


def test_an_unknown_service_is_refused_with_those_that_do_its_part():
    with pytest.raises(
        UnknownService, match="no service named cartesia for thinking; there are demo, openai"
    ):
        Choice.read("cartesia", Part.THINKING)


@pytest.mark.heavy
def test_the_table_is_read_without_pipecat():
    script = "import sys, greenroom.app.speech as it; it.table(); print('pipecat' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "False"
