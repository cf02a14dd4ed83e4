"""Why a bot failed, so that its author can act on it: what was raised, and where in the bot's own code."""

import sysconfig
import traceback
from pathlib import Path

from greenroom.app.rooms.failures import BotFailure, FailureKind

SAID_AT_MOST = 200  # characters of an exception's message
HERE = Path(__file__).parent
OURS = frozenset(
    str(path)
    for path in (
        *(HERE / name for name in ("leftovers.py", "run.py", "loading.py")),
        *(HERE / "stay").glob("*.py"),
    )
)
LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def failure_of(error: BaseException, target: str) -> BotFailure:
    """What was raised by a bot, whose target is as `BOTS` has it."""
    file, line = place_of(error, target) or (None, None)
    if isinstance(error, SystemExit):
        code = "" if error.code is None else error.code
        return BotFailure(FailureKind.EXITED, f"called sys.exit({code})", file, line)
    name, said = type(error).__name__, " ".join(str(error).split())
    if len(said) > SAID_AT_MOST:
        said = f"{said[:SAID_AT_MOST]}..."
    return BotFailure(FailureKind.RAISED, f"raised {name}: {said}" if said else f"raised {name}", file, line)


def place_of(error: BaseException, target: str) -> tuple[str, int] | None:
    """File and line: the innermost that is in the bot's own package, else the innermost that is in no library."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return _place(error.filename, error.lineno)
    package = target.partition(":")[0].partition(".")[0]
    own, others = None, None
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if file in OURS or file.startswith("<"):
            continue
        if frame.f_globals.get("__name__", "").partition(".")[0] == package:
            own = _place(file, line)
        elif not file.startswith(LIBRARIES):
            others = _place(file, line)
    return own or others


def _place(file: str, line: int) -> tuple[str, int]:
    path = Path(file)
    near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return str(near), line
