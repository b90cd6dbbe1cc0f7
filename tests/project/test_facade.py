"""What notebooks hold: two objects of one project see the same."""

from __future__ import annotations

from alcore.project.facade import Workspace
from tests.project.played import paths


def test_two_objects_of_one_project_see_the_same(project, home):
    other = Workspace(home)
    twin = other.project("toy")
    item = paths(project)["train/0/00.png"]
    project.annotate({item: "0"})
    assert twin.counts()["labeled"] == 1
    assert twin.pool().labeled.tolist() == [item]
    other.close()
