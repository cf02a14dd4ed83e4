"""Celery's way in: thin, by subject."""
