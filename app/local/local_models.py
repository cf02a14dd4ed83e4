"""Servers of language models that run on this machine already: whether one answers where Ollama and LM Studio do."""

import http.client
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

USUAL_PORTS: Mapping[str, int] = {"Ollama": 11434, "LM Studio": 1234}
ANSWERS_WITHIN = 0.5  # seconds, each read of it: what is on this machine takes some milliseconds
ANSWER_AT_MOST = 256 * 1024  # bytes
OF_NO_USE = ("embed", "rerank", "whisper", "bge-")  # in the names of models that do not talk


@dataclass(frozen=True)
class LocalModel:
    """A model that answers on this machine, in the way that OpenAI's do."""

    server: str
    port: int
    model: str

    @property
    def settings(self) -> str:
        """What makes a bot think with it, for a command line."""
        given = f"THINKING=ollama/{self.model}"
        if self.port != USUAL_PORTS["Ollama"]:
            given += f" OLLAMA_BASE_URL=http://127.0.0.1:{self.port}/v1"
        return given


def find_local_models(ports: Mapping[str, int] = USUAL_PORTS) -> Sequence[LocalModel]:
    """The first model of each server that answers; asks them at the same time, and waits for none that is slow."""
    with ThreadPoolExecutor(max_workers=len(ports)) as at_once:
        asked = [(name, port, at_once.submit(_model_at, port)) for name, port in ports.items()]
        return [LocalModel(name, port, model) for name, port, answer in asked if (model := answer.result())]


def _model_at(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERS_WITHIN)
    try:
        connection.request("GET", "/v1/models")
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            return None
        return _first_in(json.loads(answer.read1(ANSWER_AT_MOST)))
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return None  # nobody is there, or something else
    finally:
        connection.close()


def _first_in(told: Any) -> str | None:
    """A name that is safe to print and to type, of a model that talks."""
    models = told.get("data") if isinstance(told, dict) else None
    names = [each.get("id") for each in models if isinstance(each, dict)] if isinstance(models, list) else []
    return next((name for name in names if isinstance(name, str) and _is_usable(name)), None)


def _is_usable(name: str) -> bool:
    plain = name.replace("-", "").replace(".", "").replace("_", "").replace(":", "").replace("/", "")
    talks = not any(part in name.lower() for part in OF_NO_USE)
    return len(name) <= 100 and plain.isascii() and plain.isalnum() and talks
