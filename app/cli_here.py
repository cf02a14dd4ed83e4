"""What commands work with: the settings of the product that runs in this folder, and its Redis."""

from greenroom.app import settings as app_settings
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.settings import Settings


def settings_here() -> Settings:
    return app_settings.read_with_keys(environment_here())


def environment_here() -> dict[str, str]:
    """Ours, and under it that of the product that runs in this folder: it may have been told another port."""
    from greenroom.app.local import here

    given = app_settings.environment()
    return {**here.settings_of_who_runs(app_settings.read().var_dir), **given}


def ledger_of(settings: Settings) -> Ledger:
    from greenroom.app.storage.ledger import RedisLedger

    return RedisLedger(settings.redis_url)
