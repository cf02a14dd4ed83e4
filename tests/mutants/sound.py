"""Which tests have passed in this very tree: `make mutants` need not run them again before it plants faults.

A pass of the whole suite writes it down, and so do the mutants' own checks.  A tree is known by what is in its files:
after any change, committed or not, nothing has passed.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

KEPT = Path(".venv/sound.json")  # `make clean` removes it
ALL = "tests"


def files_of(root: Path) -> list[Path]:
    """The tree's files, as paths in it: what is committed and what could be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    names = sorted(set(filter(None, listed.stdout.split("\0"))))
    return [Path(name) for name in names if (root / name).is_file() or (root / name).is_symlink()]


def tree_of(root: Path) -> str:
    """Changes with the name or the contents of any file."""
    seen = hashlib.sha256()
    for name in files_of(root):
        path = root / name
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        seen.update(f"{name}\0{len(content)}\0".encode() + content)
    return seen.hexdigest()


def note(root: Path, tree: str, tests: Iterable[str]) -> None:
    """These have passed; nothing is written if the tree has changed while they ran."""
    if tree == tree_of(root):
        kept = {"tree": tree, "tests": sorted(_passed(root, tree) | set(tests))}
        (root / KEPT).write_text(json.dumps(kept))


def unproved(root: Path, tree: str, tests: Iterable[str]) -> list[str]:
    """Those of the tests that have not passed in this tree yet."""
    passed = _passed(root, tree)
    return [] if ALL in passed else sorted(set(tests) - passed)


def _passed(root: Path, tree: str) -> set[str]:
    try:
        kept = json.loads((root / KEPT).read_text())
    except (OSError, ValueError):
        return set()
    return set(kept["tests"]) if kept["tree"] == tree else set()
