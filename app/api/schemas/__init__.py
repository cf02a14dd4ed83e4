"""Schemas by subject.  Requests and answers have schemas of their own, so that a new internal field is not shown."""
