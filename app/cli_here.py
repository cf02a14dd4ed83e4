"""What commands work with: the settings of the product that runs in this folder, and its Redis."""

import secrets

from greenroom.app import settings as app_settings
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.settings import Settings


def settings_here() -> Settings:
    return app_settings.read_with_keys(environment_here())


def environment_here() -> dict[str, str]:
    """Ours, and under it that of the product that runs in this folder: it may have been told another port."""
    from greenroom.app.local import here

    given = app_settings.environment()
    noted = here.settings_of_who_runs(app_settings.read().var_dir)
    if "WEBHOOK_URLS" in noted and "WEBHOOK_URLS" not in given:
        # The note has no secrets, and receivers without one are refused.  No command signs anything with it.
        noted["WEBHOOK_SECRET"] = secrets.token_hex(32)
    return {**noted, **given}


def ledger_of(settings: Settings) -> Ledger:
    from greenroom.app.storage.ledger import RedisLedger

    return RedisLedger(settings.redis_url)
