"""Redis behind the ledger: keys, scripts, and the commands that carry a step."""
