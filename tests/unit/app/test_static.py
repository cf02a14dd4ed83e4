"""Static files are answered whole, and not again to whoever has them."""

import gc

import pytest


def test_a_file_that_the_browser_has_is_not_sent_again_and_none_is_left_open(app):
    client = app.test_client()
    for path in ("/talk", "/talk/icon.svg", "/talk/main.js", "/docs/swagger-ui.css"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

        assert first.status_code == 200 and len(first.data) > 100, path
        assert again.status_code == 304 and again.data == b"", path
    gc.collect()  # a file that was left open would be noticed here


@pytest.mark.parametrize(
    "path", ["/talk/../__init__.py", "/talk/%2e%2e/__init__.py", "/talk/none.js", "/talk/"]
)
def test_nothing_else_is_served(app, path):
    assert app.test_client().get(path).status_code in (404, 308)
