"""How fast and how small, each measured beside a named peer in the same run."""
