"""The names of tools and of speech services that a personality may use; read without pipecat."""

from greenroom.app.rooms.memory import FORGET, REMEMBER
from greenroom.app.speech import Part, table

TOOLS = (REMEMBER, FORGET)
KINDS = ("demo", "openai")  # of speech, which hear, think and speak
SPEAKERS = tuple(service.name for service in table().values() if service.part is Part.SPEAKING)
