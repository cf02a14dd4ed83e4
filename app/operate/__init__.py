"""The operator's commands: what is wrong, who works, and how a worker is emptied without ending a call."""
