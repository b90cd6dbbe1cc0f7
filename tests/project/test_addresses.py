"""The addresses that answers speak of: as they were in every version, and each one answered by a route."""

from __future__ import annotations

import pytest
from starlette.routing import Match

from alcore.project import addresses
from alcore.web.routes import routes

MADE = {
    "/api/v1/projects/my%20cats%2F2/items/7/image?v=ab12": addresses.picture("my cats/2", 7, "ab12"),
    "/api/v1/projects/cats/items/7/mask?v=99": addresses.mask("cats", 7, "99"),
    "/api/v1/projects/cats/rounds/3/items/7/draft?v=f-12": addresses.view("cats", 3, 7, "draft", "f-12"),
    "/api/v1/projects/cats/rounds/3/items/7/layers/entropy?v=f": addresses.view("cats", 3, 7, "layers/entropy", "f"),
    "/api/v1/projects/cats/rounds/3/items/7/heads/head_1?v=f": addresses.view("cats", 3, 7, "heads/head_1", "f"),
}


@pytest.mark.parametrize("expected", MADE)
def test_an_address_is_what_it_was_and_has_a_route(expected):
    assert MADE[expected] == expected
    path = expected.partition("?")[0].replace("%20", " ").replace("%2F", "_")  # as a server hands it to its routes
    scope = {"type": "http", "path": path, "method": "GET"}
    found = [route.path for route in routes(lambda: None) if route.matches(scope)[0] == Match.FULL]
    assert found[0].startswith("/api/v1/projects/{project}/")
