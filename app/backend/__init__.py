"""A backend of somebody's own, which keeps what was said in place of our SQL: signed calls over HTTP."""
