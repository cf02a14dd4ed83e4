"""Greenroom, as it is installed: `app`, `tasks` and `bots` at the repository's top are parts of this one package."""
