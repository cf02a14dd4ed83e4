"""The names of tools and of speech services that a personality may use; read without pipecat."""

import re
from pathlib import Path

from greenroom.app import settings
from greenroom.app.named_bots import file_of
from greenroom.app.speech import Part, names_for

FOLDER = Path(__file__).parents[1] / "tools"  # of the modules that make ours
KINDS = ("demo", "openai")  # of speech, which hear, think and speak
SPEAKERS = names_for(Part.SPEAKING)
_DECORATED = re.compile(r"^@(?:tools?\.)?tool\b[^\n]*\n(?:@[^\n]*\n)*async def (\w+)", re.MULTILINE)


def _made_in(file: Path | None) -> list[str]:
    """Read and not imported: a web process has no use for it, and may lack what it imports."""
    return [] if file is None else _DECORATED.findall(file.read_text("utf-8", "replace"))


OUR_TOOLS = tuple(name for file in sorted(FOLDER.glob("[!_]*.py")) for name in _made_in(file))


def tools() -> tuple[str, ...]:
    """The names of our tools, and of those that the files of TOOLS make."""
    own = (name for source in settings.read().tools for name in _made_in(file_of(source)))
    return tuple(dict.fromkeys((*OUR_TOOLS, *own)))
