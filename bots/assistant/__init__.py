"""Our own bot, and the parts that it is made of."""
