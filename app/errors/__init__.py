"""All that is allowed to go wrong, by subject; `families.py` says what a caller can do about it."""
