"""HTTP: blueprints, schemas, problems and keys.

Nothing is imported here: the events process needs only the keys, and neither the views nor SQL.
"""
