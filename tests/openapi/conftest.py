"""The API over fakes, as its unit tests have it."""

from tests.unit.conftest import built_once, impatient, ledger, ledger_below, redis_client, settings

__all__ = ["built_once", "impatient", "ledger", "ledger_below", "redis_client", "settings"]
