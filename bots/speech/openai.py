"""Hears, thinks and speaks through OpenAI, or through any server that speaks its protocol.

Every wait has a bound: a server that fails, breaks off or hangs costs that one
answer, which the client learns as an RTVI error, and the conversation goes on.
"""

import ssl
from collections.abc import AsyncGenerator
from functools import cache
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout
from pipecat.frames.frames import ErrorFrame, Frame
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import VALID_VOICES, OpenAITTSService

from greenroom.app.settings import Settings
from greenroom.bots.personalities import Personality
from greenroom.bots.speech import Speech

OPENAI = "https://api.openai.com/v1"
LONGEST_WAIT = Timeout(10.0, connect=3.0)  # seconds, for each next piece of an answer
NO_KEY = "none"  # sent where no key is set; without any the client would take one from the environment


def load() -> None:
    """Nothing: what the client opens belongs to the process that uses it."""


def warm() -> None:
    """Load what the first request would load: the certificates and the client's own parts."""
    _certificates()
    client = AsyncOpenAI(api_key=NO_KEY, base_url=OPENAI)
    _ = client.chat.completions, client.audio.transcriptions, client.audio.speech


def build(personality: Personality, settings: Settings) -> Speech:
    """Make pipecat's own services, each on a pool of connections that it closes: any of them may be used alone."""
    server: dict[str, Any] = {
        "api_key": settings.openai_api_key or NO_KEY,
        "base_url": settings.openai_base_url or OPENAI,
    }
    return Speech(
        hearing=lambda: Ears(
            **server,
            http=_http(),
            settings=Ears.Settings(model=settings.openai_stt_model, language=personality.language),
        ),
        llm=Mind(
            **server,
            http=_http(),
            settings=Mind.Settings(
                model=personality.model or settings.openai_model, system_instruction=personality.prompt
            ),
        ),
        tts=Voice(
            **server,
            http=_http(),
            settings=Voice.Settings(
                model=settings.openai_tts_model,
                voice=personality.voice or settings.openai_voice,
                speed=personality.voice_parameters.get("speed"),
            ),
        ),
    )


class Ears(OpenAISTTService):
    """pipecat's service for hearing, which closes the pool of connections that it is given."""

    def __init__(self, *, http: DefaultAsyncHttpxClient, **kwargs: Any) -> None:
        self._http = http
        super().__init__(http_client=http, **kwargs)

    async def cleanup(self) -> None:
        await super().cleanup()
        await self._http.aclose()


class Mind(OpenAILLMService):
    """pipecat's service for a model, on a pool of connections that it is given, with its timeouts."""

    def __init__(self, *, http: DefaultAsyncHttpxClient, base_url: str, **kwargs: Any) -> None:
        self._http = http
        self.supports_developer_role = (
            base_url == OPENAI
        )  # few other servers know that role; pipecat sends them "user" instead
        super().__init__(base_url=base_url, **kwargs)

    def create_client(self, api_key: Any = None, base_url: Any = None, *_: Any, **__: Any) -> AsyncOpenAI:
        return AsyncOpenAI(api_key=api_key, base_url=base_url, http_client=self._http, max_retries=1)

    async def cleanup(self) -> None:
        await super().cleanup()
        await self._http.aclose()


class Voice(OpenAITTSService):
    """pipecat's service for a voice; takes names that pipecat does not know, since the server says which there are."""

    def __init__(self, *, http: DefaultAsyncHttpxClient, **kwargs: Any) -> None:
        self._http = http
        super().__init__(http_client=http, **kwargs)

    async def cleanup(self) -> None:
        await super().cleanup()
        await self._http.aclose()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        voices: dict[str, Any] = VALID_VOICES
        settings: Any = self._settings
        voices.setdefault(settings.voice, settings.voice)
        try:
            async for frame in super().run_tts(text, context_id):
                yield frame
        except (
            Exception
        ) as error:  # a connection that breaks off raises what its own library has; the words are told
            yield ErrorFrame(error=f"No voice: {error}", exception=error)


def _http() -> DefaultAsyncHttpxClient:
    return DefaultAsyncHttpxClient(verify=_certificates(), timeout=LONGEST_WAIT)


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()
