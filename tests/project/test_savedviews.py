"""Views that are kept under a name."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput, NotFound
from alcore.project import savedviews
from alcore.project.facade import Project
from alcore.project.savedviews import drop_view, keep_view, views


def test_views_are_kept_replaced_and_dropped(toy):
    keep_view(toy, " to  check ", "state=flagged&order=number")
    keep_view(toy, "Ünsure", "below=0.5&order=confidence")
    again = Project.open(toy.name, toy.place.home)
    assert views(again) == {"to check": "state=flagged", "Ünsure": "below=0.5&order=confidence"}
    keep_view(toy, "to check", "state=skipped")
    assert views(toy)["to check"] == "state=skipped"
    drop_view(toy, "to check")
    assert list(views(toy)) == ["Ünsure"]
    with pytest.raises(NotFound, match="no view 'to check'"):
        drop_view(toy, "to check")


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_a_name_that_is_none(toy, name):
    with pytest.raises(BadInput, match="a view needs a name"):
        keep_view(toy, name, "state=flagged")


def test_an_address_that_is_none_and_too_many(toy, monkeypatch):
    with pytest.raises(BadInput, match="no filter 'color'"):
        keep_view(toy, "x", "color=red")
    monkeypatch.setattr(savedviews, "MOST", 1)
    keep_view(toy, "x", "state=flagged")
    keep_view(toy, "x", "state=skipped")
    with pytest.raises(BadInput, match="remove one first"):
        keep_view(toy, "y", "state=flagged")
