"""Importing a bot: the function that a target names, in a module that Python finds or in a file anywhere."""

import hashlib
import importlib
import importlib.util
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from greenroom.bots.blame import LIBRARIES, failure_of

Bot = Callable[[Any], Awaitable[None]]
OUR_OWN = "greenroom"
Stamp = tuple[int, int] | None  # when a file was changed, and its size


class BotUnfit(Exception):
    """Why a bot cannot be imported, in words that follow "its bot"."""


@dataclass(frozen=True)
class _Failure:
    why: str
    stamps: dict[str, Stamp]  # of what it may depend on, by path

    @property
    def holds(self) -> bool:
        """Whether nothing has changed since."""
        return all(_stamp(path) == stamp for path, stamp in self.stamps.items())


_failures: dict[str, _Failure] = {}  # by target; a child process has those of its parent
_folders: list[str] = []  # of bots' files; the last one is the first in Python's path


def load_bot(target: str) -> Bot:
    """The function that `module:function` or `/path/to/file.py:function` names.

    Raises BotUnfit, and that again without another try as long as nothing has changed.
    """
    if (failure := _failures.get(target)) and failure.holds:
        raise BotUnfit(failure.why)
    source, _, function = target.rpartition(":")
    before = set(sys.modules)
    importlib.invalidate_caches()  # of what was not there a moment ago
    try:
        module = _of_file(source) if source.startswith("/") else importlib.import_module(source)
        bot: Bot | None = getattr(module, function, None)
        if not callable(bot):
            raise BotUnfit(f"cannot be found: there is no function '{function}' in {source}")
    except (Exception, SystemExit) as error:  # whatever stands in a stranger's file
        is_ours = isinstance(error, BotUnfit)
        why = str(error) if is_ours else f"cannot be imported: it {failure_of(error, target)}"
        files = {source, *_files_of(error), *_forget(sys.modules.keys() - before)}
        _failures[target] = _Failure(why, {file: _stamp(file) for file in files})
        raise BotUnfit(why) from error
    _failures.pop(target, None)
    return bot


def load_module(source: str) -> ModuleType:
    """The module of that name, or of the file at that path.  Raises BotUnfit."""
    importlib.invalidate_caches()
    try:
        return _of_file(source) if source.startswith("/") else importlib.import_module(source)
    except (Exception, SystemExit) as error:  # whatever stands in a stranger's file
        raise BotUnfit(f"cannot be imported: it {failure_of(error, source)}") from error


def why_unfit(target: str) -> str | None:
    """Why a bot could not be imported when that was tried last, unless something has changed since."""
    failure = _failures.get(target)
    return failure.why if failure and failure.holds else None


def _of_file(path: str) -> ModuleType:
    """The module of a file, which finds what lies beside it as if it had been started from there."""
    folder, stem = os.path.dirname(path), Path(path).stem
    _look_in(folder)
    name = f"bot_{re.sub(r'[^A-Za-z0-9_]', '_', stem)}_{hashlib.sha256(path.encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"'{path}' is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and the like look themselves up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _look_in(folder: str) -> None:
    """Import from this folder first, and from no other bot's; `utils` of another bot is not this one's."""
    if _folders and _folders[-1] in sys.path:
        sys.path.remove(_folders[-1])
    sys.path.insert(0, folder)
    others = {each for each in _folders if each != folder}
    _folders[:] = [*others, folder]
    for top, module in list(sys.modules.items()):
        is_another_s = "." not in top and top != OUR_OWN and _folder_of(module) in others
        if is_another_s and _lies_in(folder, top):
            for name in [each for each in sys.modules if each.partition(".")[0] == top]:
                del sys.modules[name]


def _folder_of(module: ModuleType) -> str | None:
    """Where a module or package lies that was imported by its name alone."""
    file: str | None = getattr(module, "__file__", None)
    if not file:
        return None
    return os.path.dirname(os.path.dirname(file) if hasattr(module, "__path__") else file)


def _lies_in(folder: str, module: str) -> bool:
    return any(os.path.exists(os.path.join(folder, name)) for name in (f"{module}.py", module))


def _files_of(error: BaseException) -> Iterator[str]:
    """What an import went through until it failed, and where the packages are that it may lack."""
    yield sysconfig.get_path("purelib")
    if isinstance(error, SyntaxError) and error.filename:
        yield error.filename
    for frame, _ in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if not file.startswith((*LIBRARIES, "<")):
            yield file


def _forget(modules: Iterable[str]) -> Iterator[str]:
    """Let what was imported on the way to a failure be imported anew, as it is then; its files."""
    for name in modules:
        module = sys.modules[name]
        file = getattr(module, "__file__", None)
        if file and not file.startswith(LIBRARIES):
            del sys.modules[name]
            package, _, part = name.rpartition(".")
            if (
                vars(sys.modules.get(package, module)).get(part) is module
            ):  # else `from package import part` finds it
                delattr(sys.modules[package], part)
            yield file


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
