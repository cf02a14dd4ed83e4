"""Keys that are ours to make: each is made once, and kept in a file that nobody else may read."""

import fcntl
import logging
import os
import secrets
import stat
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path

from greenroom.app.errors.families import GreenroomError
from greenroom.app.settings.definition import Settings

API_KEY, SIGNING_SECRET, FLOWER_PASSWORD = "api_key", "signing_secret", "flower_password"
KEYS = (
    API_KEY,
    SIGNING_SECRET,
    FLOWER_PASSWORD,
)  # that are ours to make; a process loads those that it needs
OTHERS_MAY_READ = 0o077  # bits of a file's mode that let anybody but its owner at it
STRANGERS_MAY_READ = 0o027  # the same of a file that is lent to us, as to its group


class SettingsError(GreenroomError):
    """The settings do not work as they are."""

    kind = "settings"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def places_of(settings: Settings, keys: Collection[str]) -> dict[str, Path]:
    """Where those of our own keys are; a LiveKit server of our own has one that all processes need."""
    kept = {name: settings.var_dir / name.replace("_", "-") for name in KEYS if name in keys}
    if settings.livekit_is_embedded:
        kept["livekit_api_secret"] = settings.var_dir / "livekit" / "secret"
    return kept


def checked(name: str, path: Path, key: str) -> str:
    """The key that was found there.  Raises SettingsError for one that would be refused as a setting."""
    (row,) = (row for row in fields(Settings) if row.name == name)
    try:
        return str(row.metadata["parse"](key))
    except ValueError as problem:
        raise SettingsError(
            [f"What is kept in {path} {problem}. Remove that file, and a new one is made at the next start."]
        ) from None


def kept_key(path: Path, settings: Settings) -> str:
    """The key that is kept there, made if there is none; of two processes at once, one makes it for both.

    Raises SettingsError where it cannot be kept, or others could read it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_uid != os.geteuid():
            return _lent_key(path)
        if path.exists() and not os.access(path, os.W_OK):  # nothing that we could make; but it can be read
            return path.read_text("ascii").strip()
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _make_private(file.fileno(), path)
            if kept := file.read().strip():
                return kept
            key = secrets.token_urlsafe(32)
            file.write(key + "\n")
            return key
    except OSError as error:
        raise SettingsError(
            [f"VAR_DIR is '{settings.var_dir}', where nothing can be kept: {error.strerror}."]
        ) from error


def _make_private(file: int, path: Path) -> None:
    """Of a secret that is ours, take away what lets others read or change it, and say so."""
    mode = stat.S_IMODE(os.fstat(file).st_mode)
    if mode & OTHERS_MAY_READ:
        os.fchmod(file, mode & ~OTHERS_MAY_READ)
        logging.getLogger(__name__).warning(
            "%s was open to others on this machine (mode %04o), and is its owner's alone now. "
            "If one of them may have read it: remove it, and a new one is made at the next start.",
            path,
            mode,
        )


def _lent_key(path: Path) -> str:
    """Kept by somebody else, as for all of a group; only its keeper can say who may read it."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & STRANGERS_MAY_READ:
        raise SettingsError(
            [
                f"{path} is open to everybody on this machine (mode {mode:04o}); its owner must say: chmod 0640 {path}"
            ]
        )
    return path.read_text("ascii").strip()
