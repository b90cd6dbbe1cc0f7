"""The doctor finds what is wrong with a project, and rebuilds its labels."""

from __future__ import annotations

import shutil

import pytest

from alcore.errors import AlcoreError
from alcore.pixels import maskfiles
from alcore.project import doctor
from alcore.storage import schema
from tests.project.played import labeled_project


def test_doctor_finds_what_is_wrong_and_rebuilds_labels(project, quick):
    labeled_project(project)
    project.run_round("random", 3, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    assert doctor.findings(project) == []
    assert doctor.findings(project, rebuild=True) == []
    with project.place.database.write() as conn:
        conn.execute(schema.current.update().where(schema.current.c.label == "0").values(label="1"))
    wrong = project.journal.differences()
    assert wrong > 0
    assert doctor.findings(project) == [f"toy: {wrong} current labels do not follow from the journal: run `doctor --project toy --rebuild`"]
    assert doctor.findings(project, rebuild=True) == [f"toy: {wrong} current labels differed from the journal and were rebuilt"]
    assert doctor.findings(project) == []
    shutil.rmtree(project.folder / "rounds")
    (project.folder / project.settings["packed"]).unlink()
    assert doctor.findings(project) == [
        "toy: the packed images are gone: import the source again on the Data page",
        "toy: the files of round 1 are gone",
    ]
    project.refresh()
    assert doctor.findings(project) == ["toy: the files of round 1 are gone"]


def test_the_doctor_misses_a_mask_whose_file_is_gone(scenes):
    assert doctor.findings(scenes) == []
    scenes.label_from_truth(1)
    digest = next(iter(scenes.items.labels().values()))
    maskfiles.place(scenes.folder, digest).unlink()
    (finding,) = doctor.findings(scenes)
    assert digest in finding
    with pytest.raises(AlcoreError, match=digest):
        scenes.masks.load(digest)
