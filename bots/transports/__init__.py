"""How a bot gets into a room, one file a provider."""
