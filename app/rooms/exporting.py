"""All that is kept of a person, as one JSON object that is written while it is read."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def as_json(tables: Iterable[tuple[str, Iterable[Mapping[str, Any]]]]) -> Iterator[str]:
    """A list of rows by the name of each table, in pieces, a row a line."""
    before = "{"
    for name, rows in tables:
        yield f"{before}{json.dumps(name)}: ["
        between = "\n"
        for row in rows:
            yield f"{between}{json.dumps(row)}"
            between = ",\n"
        yield "]"
        before = ",\n"
    yield "}\n"
