"""Which bots `BOTS` names: by a module, a file or a folder, each with the function that is the bot.

What is found here is a target, `module:function` or `/path/to/file.py:function`, which bots/loading.py imports.
Nothing is imported to find it, since every process reads the settings.
"""

import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

BUILT_IN_BOTS = {"assistant": "greenroom.bots.assistant.bot:bot"}
FUNCTION = "bot"  # what pipecat's runner calls
MAIN_FILE = "bot.py"  # where pipecat's own projects have it

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
MODULE = re.compile(r"[\w-]+(?:\.[\w-]+)*", re.ASCII)
ENTRY = re.compile(r"(?:(?P<name>[^=/]*)=)?(?P<source>.+?)(?::(?P<function>[^\W\d]\w*))?", re.DOTALL)


def named_bots(value: str) -> Mapping[str, str]:
    """The target of each bot, by name, ours among them.

    Raises ValueError, whose text goes on after "it": what is wrong with which entry.
    """
    found: dict[str, str] = {}
    for entry in filter(None, map(str.strip, value.split(","))):
        for name, target in _bots_of(entry):
            if name in found:
                raise ValueError(f"must give each bot a name of its own; '{name}' is there twice")
            found[name] = target
    return {**BUILT_IN_BOTS, **found}


def is_built_in(name: str, target: str | None) -> bool:
    """Whether the bot of that name is ours, and not one of somebody else's under our bot's name."""
    return target == BUILT_IN_BOTS.get(name)


def modules(value: str) -> tuple[str, ...]:
    """Python files, by their paths, and modules, by their names.  Raises ValueError."""
    found = []
    for entry in filter(None, map(str.strip, value.split(","))):
        if _is_path(entry):
            found.append(str(_file(Path(os.path.abspath(os.path.expanduser(entry))))))
        else:
            found.append(_module(entry, entry))
    return tuple(found)


def file_of(source: str) -> Path | None:
    """Where the file or module is that `modules` has found, told without importing it."""
    if source.startswith("/"):
        return Path(source)
    spec = _spec(source)
    return Path(spec.origin) if spec is not None and spec.origin else None


def _bots_of(entry: str) -> Iterator[tuple[str, str]]:
    parts = ENTRY.fullmatch(entry)
    if parts is None:
        raise ValueError(
            f"must be entries as in mine=path/to/bot.py or mine=module:function; '{entry}' is none"
        )
    name, source = parts["name"], parts["source"].strip()
    function = parts["function"] or FUNCTION
    if name is not None and not NAME.fullmatch(name := name.strip()):
        raise ValueError(
            f"must name bots with up to 64 letters, digits, dashes and underscores; '{name}' is no such name"
        )
    if not _is_path(source):
        module = _module(source, entry)
        yield name or _as_name(module.rpartition(".")[2], entry), f"{module}:{function}"
        return
    path = Path(os.path.abspath(os.path.expanduser(source)))
    if not path.is_dir():
        yield name or _as_name(path.stem, entry), f"{_file(path)}:{function}"
    elif (path / MAIN_FILE).is_file():
        yield name or _as_name(path.name, entry), f"{path / MAIN_FILE}:{function}"
    else:
        files = _files_with(function, path)
        if name and len(files) > 1:
            raise ValueError(
                f"must name one bot a name; there are {len(files)} in the folder '{path}', each called by its file"
            )
        for file in files:
            yield name or _as_name(file.stem, entry), f"{file}:{function}"


def _is_path(source: str) -> bool:
    is_folder = os.path.isdir(source) and not os.path.exists(os.path.join(source, "__init__.py"))
    return "/" in source or source.endswith(".py") or source.startswith(("~", ".")) or is_folder


def _as_name(found: str, entry: str) -> str:
    if not NAME.fullmatch(found):
        raise ValueError(f"must give a bot a name where '{found}' cannot be one, as in mine={entry}")
    return found


def _file(path: Path) -> Path:
    if path.suffix != ".py":
        raise ValueError(f"must name Python files, modules or folders; '{path}' is none")
    if not path.is_file():
        raise ValueError(f"must name files that are there; there is no '{path}'")
    return path


def _files_with(function: str, folder: Path) -> list[Path]:
    defines = re.compile(rf"^async def {function}\(", re.MULTILINE)
    files = [file for file in sorted(folder.glob("*.py")) if defines.search(file.read_text(errors="replace"))]
    if not files:
        raise ValueError(
            f"must name folders with a bot in them; in '{folder}' there is neither a {MAIN_FILE} nor a file with "
            f"'async def {function}('"
        )
    return files


def _module(name: str, entry: str) -> str:
    if not MODULE.fullmatch(name):
        raise ValueError(
            f"must be entries as in mine=path/to/bot.py or mine=module:function; '{entry}' is none"
        )
    if not _can_be_found(name):
        raise ValueError(
            f"must name modules that Python can find; there is no '{name}' here (a file goes by its path, as in "
            f"path/to/{name.rpartition('.')[2]}.py)"
        )
    return name


def _can_be_found(module: str) -> bool:
    """Whether an import would find it, told without importing it or its packages."""
    return _spec(module) is not None


def _spec(module: str) -> ModuleSpec | None:
    top, *rest = module.split(".")
    spec = _top_level(top)
    for depth, _ in enumerate(rest, start=2):
        if spec is None:
            return None
        spec = PathFinder.find_spec(
            ".".join(module.split(".")[:depth]), spec.submodule_search_locations or []
        )
    return spec


def _top_level(name: str) -> ModuleSpec | None:
    try:
        found = importlib.util.find_spec(name)
    except ValueError:  # a module such as __main__ that has no spec
        return None
    return found or PathFinder.find_spec(name, [os.getcwd()])  # gunicorn and celery look here as well
