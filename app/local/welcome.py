"""What a person is told of a start: what it waits for, and then the link and the places to look."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from greenroom.app.local.local_models import LocalModel
from greenroom.app.named_bots import BUILT_IN_BOTS, is_built_in
from greenroom.app.passes import LINK_LASTS, Pass, Passes, link, until
from greenroom.app.settings import Settings

SAY_WHY_AFTER = 60.0  # seconds; before that a reason would only say that what is starting has not started


def waiting(missing: Mapping[str, str], for_seconds: float, is_ours: bool = True) -> str:
    """What is said of a start that takes its time; why, only when it is no usual one any more, or not ours."""
    if is_ours and for_seconds < SAY_WHY_AFTER:
        return f"still starting {' and '.join(missing)}"
    return f"still waiting for {reasons(missing)}"


def reasons(missing: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in missing.items())


def welcome(
    settings: Settings,
    names: list[str],
    seconds: float,
    is_shown: bool,
    unfit: Mapping[str, str],
    models: Sequence[LocalModel] = (),
) -> str:
    """What a person needs first; below the link, which bots they will not meet, and who could think for the demo."""
    lines = [f"Greenroom is ready, after {seconds:.1f} s.", ""]
    if "web" in names:
        lines += _way_in(settings, is_shown)
        lines += _whom_it_leads_to(settings, unfit)
    for name, why in unfit.items():
        default = ", of joins that name none," if name == settings.default_bot else ""
        lines += [
            f"The bot '{name}'{default} cannot start: it {why}",
            "Once that is mended, the next join tries it again; start Greenroom anew after each later change.",
            "",
        ]
    for each in models:
        lines += [
            f"{each.server} answers on this machine, at port {each.port}. Stop this, and have the bot think with it:",
            "",
            f"    {each.settings} make up",
            "",
        ]
    if "flower" in names:
        where = _from_here(settings.var_dir / "flower-password")
        lines.append(f"The fleet:  {settings.flower_address}  (user greenroom, its password is in {where})")
    if "livekit" in names:
        lines.append(f"LiveKit:    {settings.livekit_url}  (rooms for several people; a fresh one is there)")
    lines += [f"Logs:       {_from_here(settings.var_dir / 'log')}", "Ctrl-C stops everything."]
    return "\n" + "".join(f"  {line}".rstrip() + "\n" for line in lines) + "\n"


def _way_in(settings: Settings, is_shown: bool) -> list[str]:
    """The link, for a person who looks on; a log that keeps it would let in whoever reads that."""
    if not is_shown:
        command = _from_here(Path(sys.executable).parent / "greenroom")
        return [f"Talk page:  {settings.address}/talk  (`{command} link` prints a link that opens it)"]
    signed = Passes(settings.signing_secret).sign(Pass(until(LINK_LASTS), chooses=True))
    return ["Open this and say hello:", "", f"    {link(settings.address, signed)}", ""]


def _whom_it_leads_to(settings: Settings, unfit: Mapping[str, str]) -> list[str]:
    """Tell a developer who has brought a bot of their own that the printed link leads to ours."""
    theirs = [name for name in settings.bots if name not in BUILT_IN_BOTS and name not in unfit]
    default = settings.default_bot
    if not theirs or not is_built_in(default, settings.bots.get(default)):
        return []
    return [
        f"There you meet '{default}', which comes with Greenroom; with DEFAULT_BOT={theirs[0]} your own.",
        "",
    ]


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
