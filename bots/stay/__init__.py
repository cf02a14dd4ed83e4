"""One bot's stay in one room, in parts: `stay.py` puts them together, and says how a stay begins and ends."""
