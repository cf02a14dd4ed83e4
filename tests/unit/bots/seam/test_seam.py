"""What a new release of pipecat, aiortc, daily-python or LiveKit's client breaks of our seam to them.

Everything that `bots/seam` overrides, or uses of what it inherits, is looked up in the installed release, and compared
with `seam.toml`: a fingerprint of each of their functions that ours was written against.  A failure names ours, and
theirs.  A function that has only changed need not be broken: read the change, mend ours if need be, and put the new
fingerprint, which the failure prints, into `seam.toml`.
"""

import ast
import hashlib
import importlib
import inspect
import pkgutil
import textwrap
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

from greenroom.bots import seam
from greenroom.bots.seam.diversions import DIVERSIONS

READ = tomllib.loads(Path(__file__).with_name("seam.toml").read_text())
LIBRARIES = ("pipecat.", "aiortc.", "daily", "livekit.")
OUR_MODULES = [
    importlib.import_module(f"{seam.__name__}.{each.name}") for each in pkgutil.iter_modules(seam.__path__)
]
OURS = [
    each
    for module in OUR_MODULES
    for each in vars(module).values()
    if inspect.isclass(each) and each.__module__ == module.__name__
]


def name_of(ours):
    return f"{ours.__module__.removeprefix(seam.__name__ + '.')}.{ours.__qualname__}"


def is_theirs(cls):
    return f"{cls.__module__}.".startswith(LIBRARIES)


SUBCLASSES = [each for each in OURS if any(map(is_theirs, each.__mro__))]


def is_python(function):
    return isinstance(function, property) or inspect.isfunction(inspect.unwrap(function))


def source_of(function):
    return inspect.getsource(inspect.unwrap(function.fget if isinstance(function, property) else function))


def fingerprint(function):
    """Of what a function does: without its docstring, its comments, and how it is laid out."""
    lines = textwrap.dedent(source_of(function)).splitlines()
    (tree,) = ast.parse("\n".join(lines)).body
    first = tree.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines[first.lineno - 1 : first.end_lineno] = []
    code = "".join("".join(line.split()) for line in lines if not line.strip().startswith("#"))
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def where(ours):
    releases = ", ".join(f"{name} {version(name)} (read: {read})" for name, read in seam.READ_AGAINST.items())
    reasons = [f", without which {each.because}" for each in seam.REPLACEMENTS if each.load() is ours]
    return f"greenroom.bots.seam.{name_of(ours)}{''.join(reasons)}; installed: {releases}"


def their_class_with(ours, name):
    """The class of theirs from which ours inherits a name."""
    return next((each for each in ours.__mro__ if is_theirs(each) and name in vars(each)), None)


def overridden(ours):
    """Their functions that ours replaces, by the class and the name."""
    for name, member in vars(ours).items():
        if (inspect.isfunction(member) or isinstance(member, property)) and name != "__getattr__":
            theirs = their_class_with(ours, name)
            if theirs is not None and theirs is not object:
                yield theirs, name


def inherited_privates(ours):
    """What ours uses by a name with an underscore and has not made itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(ours)))
    made = set(vars(ours))
    for function in tree.body[0].body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            stores = (
                node for node in ast.walk(function) if isinstance(getattr(node, "ctx", None), ast.Store)
            )
            made |= {node.attr for node in stores if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        is_private = (
            isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
        )
        if is_private and (ast.unparse(node.value) == "super()" or node.attr not in made):
            yield node.attr


def their_names(ours):
    """Every attribute that their classes have or set on themselves."""
    return set().union(*map(names_of, filter(is_theirs, ours.__mro__)))


@cache
def names_of(theirs):
    if not any(map(inspect.isfunction, vars(theirs).values())):
        return set(vars(theirs))  # a native one has no source
    tree = ast.parse(textwrap.dedent(inspect.getsource(theirs)))
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {*vars(theirs), *(each.attr for each in attributes if ast.unparse(each.value) == "self")}


@cache
def parsed(file):
    return ast.parse(file.read_text())


@pytest.mark.parametrize("ours", SUBCLASSES, ids=name_of)
def test_what_ours_overrides_takes_what_theirs_takes(ours):
    for theirs, name in overridden(ours):
        if name == "__init__" or isinstance(vars(theirs)[name], property):
            continue
        takes = [*inspect.signature(inspect.unwrap(vars(theirs)[name])).parameters]
        ours_takes = [*inspect.signature(vars(ours)[name]).parameters]

        assert ours_takes == takes, (
            f"{theirs.__qualname__}.{name} takes something else now: see {where(ours)}"
        )


@pytest.mark.parametrize("ours", SUBCLASSES, ids=name_of)
def test_what_ours_uses_of_theirs_is_there(ours):
    missing = set(inherited_privates(ours)) - their_names(ours)

    assert not missing, (
        f"no {', '.join(sorted(missing))} in {ours.__mro__[1].__qualname__} now: see {where(ours)}"
    )


@pytest.mark.parametrize("ours", SUBCLASSES, ids=name_of)
def test_what_ours_was_written_against_is_as_it_was(ours):
    must_be_as_they_were(name_of(ours), where(ours), overridden(ours))


@pytest.mark.parametrize("each", DIVERSIONS, ids=lambda each: each.method)
def test_what_is_diverted_is_as_it_was(each):
    section = f"diversions.{each.of.__name__}.{each.method}"
    theirs = their_class_with(each.of, each.method)

    assert theirs is not None, f"{each.of.__name__} has no {each.method} now, without which {each.because}"
    must_be_as_they_were(
        section, f"greenroom.bots.seam.{section}, without which {each.because}", [(theirs, each.method)]
    )


def must_be_as_they_were(section, ours, functions):
    read = READ.get(section, {})
    now = {
        f"{theirs.__module__}.{theirs.__qualname__}.{name}": vars(theirs)[name]
        for theirs, name in functions
        if is_python(vars(theirs)[name])
    }
    now |= {name: look_up(name) for name in read.keys() - now.keys()}
    gone = [name for name, function in now.items() if function is None]
    prints = {name: fingerprint(function) for name, function in now.items() if function is not None}
    changed = {name: print_ for name, print_ in prints.items() if read.get(name) != print_}

    assert not gone, f"{', '.join(gone)} is gone: see {ours}"
    assert not changed, "\n".join(
        [
            f"read what has changed, and {ours}; if ours still fits, put into seam.toml:",
            f'["{section}"]',
            *(f'"{name}" = "{print_}"' for name, print_ in changed.items()),
        ]
    )


def look_up(path):
    """A function of theirs by its whole name; None if there is none."""
    names = path.split(".")
    for parts in range(len(names) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(names[:parts]))
        except ModuleNotFoundError:
            continue
        for name in names[parts:]:
            found = getattr(found, name, None)
            if found in OURS:  # it is installed
                found = next(each for each in found.__mro__ if is_theirs(each))
        return found
    return None


@pytest.mark.parametrize("each", seam.REPLACEMENTS, ids=lambda each: each.theirs)
def test_ours_is_where_theirs_is_looked_up(each):
    seam.install(each.needed_by)
    module = importlib.import_module(each.module)
    uses = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if (isinstance(node, ast.Call) and ast.unparse(node.func) == each.name)
        or (isinstance(node, ast.Attribute) and ast.unparse(node.value) == each.name)
        or (isinstance(node, ast.Compare) and each.name in map(ast.unparse, node.comparators))
    ]

    assert getattr(module, each.name) is each.load()
    assert uses, f"{each.module} makes or uses no {each.name} now: without {each.ours}, {each.because}"


def test_everything_that_paces_a_call_by_the_wall_clock_is_given_ours():
    paced = {each.module for each in seam.REPLACEMENTS if each.name == "time"}
    found = set()
    for package in ("aiortc", "pipecat.transports.smallwebrtc"):
        folder = Path(importlib.import_module(package).__file__).parent
        found |= {
            f"{package}.{'.'.join(file.relative_to(folder).with_suffix('').parts)}"
            for file in folder.rglob("*.py")
            if "time.time()" in file.read_text()
        }

    found.discard("aiortc.contrib.media")  # plays and records files

    assert found <= paced, "these take the time of the wall clock now: read whether they pace what is heard"


OUTSIDE = sorted(file for file in Path(seam.__file__).parents[1].rglob("*.py") if file.parent.name != "seam")
FOR_AUTHORS = {  # pipecat's guides have authors of processors and services use these
    "_call_event_handler",
    "_register_event_handler",
    "_settings",
    "_stream_audio_frames_from_iterator",
    "_update_settings",
    "_user_id",
}


@pytest.mark.parametrize("file", OUTSIDE, ids=lambda file: file.stem)
def test_no_private_name_of_another_object_is_used_outside_of_the_seam(file):
    reaches = {
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and ast.unparse(node.value) not in ("self", "cls", "super()")
    }

    assert not reaches, f"move this into {seam.__name__}, or give {file.name}'s own object a public name"


@pytest.mark.parametrize("file", OUTSIDE, ids=lambda file: file.stem)
def test_nothing_of_another_object_is_replaced_outside_of_the_seam(file):
    """`vars(client)["connect"] = ...`, `setattr(client, "connect", ...)`, `client.connect = a_function_of_ours`."""
    tree = parsed(file)
    ours = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    replaced = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
            replaced.add(f"line {node.lineno}")
        if isinstance(node, ast.Assign):
            for target in node.targets:
                is_vars = isinstance(target, ast.Subscript) and ast.unparse(target.value).startswith("vars(")
                is_method = isinstance(target, ast.Attribute) and isinstance(node.value, ast.Name)
                if is_vars or (is_method and node.value.id in ours and ast.unparse(target.value) != "self"):
                    replaced.add(f"line {node.lineno}")

    assert not replaced, f"move this into {seam.__name__}"


@pytest.mark.parametrize("file", OUTSIDE, ids=lambda file: file.stem)
def test_no_subclass_outside_of_the_seam_uses_what_it_inherits_by_a_private_name(file):
    """Nor does one by accident give a name of its own to something that pipecat calls so."""
    parts = file.relative_to(Path(seam.__file__).parents[1]).with_suffix("").parts
    module = importlib.import_module(
        ".".join([seam.__package__.rpartition(".")[0], *parts]).removesuffix(".__init__")
    )
    for cls in vars(module).values():
        if inspect.isclass(cls) and cls.__module__ == module.__name__ and any(map(is_theirs, cls.__mro__)):
            tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
            used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            inherited = {
                name
                for name in used & their_names(cls) - FOR_AUTHORS
                if name.startswith("_") and not name.startswith("__")
            }

            assert not inherited, (
                f"{cls.__name__} uses {', '.join(inherited)}: move that into {seam.__name__}"
            )


@pytest.mark.parametrize("library", seam.READ_AGAINST)
def test_the_seam_says_which_release_it_was_read_against(library):
    assert version(library) == seam.READ_AGAINST[library], (
        f"a new release: once the other tests of this file pass, write it into READ_AGAINST, {seam.__file__}"
    )


def test_nothing_is_remembered_of_what_is_not_there_any_more():
    diverted = {f"diversions.{each.of.__name__}.{each.method}" for each in DIVERSIONS}

    assert READ.keys() <= {name_of(each) for each in SUBCLASSES} | diverted
