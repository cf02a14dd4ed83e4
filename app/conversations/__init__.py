"""SQL: what is kept of conversations when calls are over.  Nobody else imports SQLAlchemy, Alembic or psycopg."""
