"""The tools that our bot's model may call, and how a further one is made (docs/tools.md).

from greenroom.bots.tools import Call, tool

@tool
async def roll_dice(call: Call, sides: int = 6) -> int:
    \"\"\"Roll a die.\"\"\"
    return random.randint(1, sides)
"""

from greenroom.bots.tools.tool import Call as Call
from greenroom.bots.tools.tool import Refused as Refused
from greenroom.bots.tools.tool import Tool as Tool
from greenroom.bots.tools.tool import tool as tool
