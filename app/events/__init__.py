"""What happens, told to others: to servers as server-sent events and as webhooks, to a room's clients by their bot."""
