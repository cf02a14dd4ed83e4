"""gunicorn: its configuration, and a worker for it in which no client can hold a thread."""
