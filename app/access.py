"""Marks on views: who besides the holder of the key may call them (`app/api/auth.py` looks)."""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """This view answers anybody."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def open_to_session(view: View) -> View:
    """This view answers the holder of a session's token, for that session."""
    view.is_open_to_session = True  # type: ignore[attr-defined]
    return view


def open_to_resume(view: View) -> View:
    """This view answers the holder of a resume token, as far as `g.resume` goes; None there is somebody else."""
    view.is_open_to_resume = True  # type: ignore[attr-defined]
    return view


def open_to_pass(view: View) -> View:
    """This view answers the holder of a pass, as far as `g.held` goes; None there is the holder of the key."""
    view.is_open_to_pass = True  # type: ignore[attr-defined]
    return view
