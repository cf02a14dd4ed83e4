"""What commands work with: the settings of the product that runs in this folder, and its Redis."""

from pathlib import Path

from greenroom.app import settings as app_settings
from greenroom.app.local import here
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.settings import Settings, SettingsError


def settings_here() -> Settings:
    """Raises SettingsError, which says what of the running product's settings cannot be known here."""
    try:
        return app_settings.read_with_keys(environment_here())
    except SettingsError as error:
        missing = here.unreadable_secrets_of_who_runs(_var_dir()) - app_settings.environment().keys()
        if not missing:
            raise
        why = (
            f"The Greenroom that runs here was given {', '.join(sorted(missing))}, which cannot be read from here: "
            "give that to this command too."
        )
        raise SettingsError([*error.problems, why]) from error


def environment_here() -> dict[str, str]:
    """Ours, and under it that of the product that runs in this folder: it may have been told another port."""
    return {**here.settings_of_who_runs(_var_dir()), **app_settings.environment()}


def running_here() -> dict[str, str] | None:
    """The settings that the product was given which runs in this folder; None if none runs."""
    return here.settings_of_who_runs(_var_dir()) if here.runs(_var_dir()) else None


def _var_dir() -> Path:
    return app_settings.read().var_dir


def ledger_of(settings: Settings) -> Ledger:
    from greenroom.app.storage.ledger import RedisLedger

    return RedisLedger(settings.redis_url)
