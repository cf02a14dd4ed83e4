"""Celery's queues, by name; a test holds the Procfile and docker-compose.yml to them."""

LAUNCHES = "bot:launch:queue"  # drained by workers that run bots
CONTROL = "control"  # all else, drained by other workers: bots that fill theirs do not starve the reaper
