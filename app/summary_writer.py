"""Has the configured model write summaries, through OpenAI or any server that speaks its protocol."""

from httpx import HTTPError
from openai import OpenAI, OpenAIError, Timeout

from greenroom.app.rooms.memory import LONGEST_SUMMARY
from greenroom.app.rooms.summarising import ASKED, Extract, NotWritten, Talk, Writer
from greenroom.app.settings import Settings

OPENAI = "https://api.openai.com/v1"
LONGEST_WAIT = Timeout(30.0, connect=3.0)  # seconds, for each next piece of an answer
NO_KEY = "none"  # sent where no key is set; without any the client would take one from the environment


def writer_of(settings: Settings) -> Writer:
    """The model that thinks, or where the demo does, an extract."""
    return ModelWriter(settings) if settings.thinks_with_openai else Extract()


class ModelWriter:
    """Asks a model."""

    def __init__(self, settings: Settings) -> None:
        self.model = settings.openai_model
        self._client = OpenAI(
            api_key=settings.openai_api_key or NO_KEY,
            base_url=settings.openai_base_url or OPENAI,
            timeout=LONGEST_WAIT,
            max_retries=0,  # the task that asks is tried again
        )

    def write(self, talk: Talk) -> str:
        """No more than a summary may be long, however much the model says."""
        text = ""
        try:
            with self._client.chat.completions.create(
                model=self.model,
                messages=[{"role": "system", "content": ASKED}, {"role": "user", "content": talk.as_text()}],
                stream=True,
            ) as answer:
                for part in answer:
                    text += (part.choices[0].delta.content or "") if part.choices else ""
                    if len(text) > LONGEST_SUMMARY:
                        break
        except (OpenAIError, HTTPError) as error:  # its words may be those of what was asked
            raise NotWritten(type(error).__name__) from None
        return text
