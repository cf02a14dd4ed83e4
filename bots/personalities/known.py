"""The names of tools and of speech services that a personality may use; read without pipecat."""

from greenroom.app.rooms.memory import FORGET, REMEMBER

TOOLS = (REMEMBER, FORGET)
SERVICES = ("demo", "openai")
