"""The product in plain Python: rooms, sessions, leases and what may happen to them."""
