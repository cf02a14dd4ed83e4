"""The API over fakes, as its unit tests have it."""

from tests.unit.conftest import built_once, impatient, ledger, ledger_below, settings

__all__ = ["built_once", "impatient", "ledger", "ledger_below", "settings"]
