"""What is seen of a bot: the picture that its camera shows."""
