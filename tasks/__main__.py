"""`python -P -m greenroom.tasks worker ...`: Celery's own commands and options, importing only the command that runs.

`celery --app greenroom.tasks.celery worker ...` does the same; it also imports every other
command and Flower, which costs each of our processes most of a second.  `-P` keeps the working folder from being looked
in first: it may be anybody's, and have a `redis.py`.
"""

import os
import sys
import warnings
from importlib import import_module
from pathlib import Path

import click
from celery.bin.base import CLIContext
from celery.exceptions import SecurityWarning

COMMANDS = {
    "worker": "celery.bin.worker:worker",
    "beat": "celery.bin.beat:beat",
    "flower": "flower.command:flower",
}
FLOWERS_CONFIGURATION = Path(__file__).parent.parent / "app" / "flower.py"


class _OnlyTheOne(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name == "flower":  # without this it reads a file in the working folder, which may be anybody's
            rest = [f"--conf={FLOWERS_CONFIGURATION}", *rest]
        return name, command, rest


@click.command(cls=_OnlyTheOne)
@click.pass_context
def main(context: click.Context) -> None:
    """Run a process of Celery's."""
    # It warns root of pickled messages, which bring code; ours are JSON and nothing else is accepted
    warnings.filterwarnings("ignore", category=SecurityWarning)
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # BOTS may name modules that lie here
    from greenroom.bots import personalities
    from greenroom.tasks.celery import app, settings

    settings()  # what is wrong with them ends the start; Celery might meet it later, and go on
    personalities.everybody()  # read before a worker forks: all of its bots have the same

    context.obj = CLIContext(app=app, no_color=True, workdir=None, quiet=True)


if __name__ == "__main__":
    main(prog_name="python -m greenroom.tasks")
