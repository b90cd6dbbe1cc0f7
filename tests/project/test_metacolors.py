"""Columns of the metadata as colors of the map."""

from __future__ import annotations

import numpy as np

from alcore.project import metacolors, metadata, tables
from tests.project.test_metadata import rows_of, write


def test_the_map_is_colored_by_columns(project, tmp_path, quick):
    given = project
    metadata.attach(given, metadata.look(given, write(tmp_path, rows_of(given))))
    given.label_from_truth(12, seed=0)
    done = given.run_round("margin", 4, 1, "cpu", train=quick, report=lambda _: None)
    told = {column["name"]: column for column in tables.columns(given, done)}
    assert told["meta:camera"]["names"] == ["x", "y"]
    assert (told["meta:camera"]["kind"], told["meta:camera"]["title"]) == ("class", "Metadata: camera")
    assert (told["meta:age"]["kind"], told["meta:age"]["low"], told["meta:age"]["high"]) == ("number", 0.0, 54.0)
    assert told["meta:taken"]["unit"] == "date"
    ids = tables.column(given, done, "id")
    everything = {row[0]: row for row in rows_of(given)}
    paths = given.items.paths()
    rows = [everything.get(paths[int(i)]) for i in ids]
    cameras = [-1 if row is None or not row[1] else "xy".index(row[1]) for row in rows]
    assert tables.column(given, done, "meta:camera").tolist() == cameras
    ages = tables.column(given, done, "meta:age")
    assert [None if np.isnan(v) else v for v in ages.tolist()] == [None if row is None else float(row[2]) for row in rows]
    assert ages.dtype == np.float32


def test_the_legend_names_the_most_frequent_and_calls_the_rest_other(project, tmp_path, monkeypatch):
    monkeypatch.setattr(metacolors, "ON_MAP", 3)
    paths = list(project.items.paths().values())
    rows = [(path, "often" if at < 9 else "some" if at < 14 else f"c{at}") for at, path in enumerate(paths[:-1])]
    metadata.attach(project, metadata.look(project, write(tmp_path, rows, ("path", "c"))))
    (told,) = metacolors.mapped(project)
    assert (told["names"], told["colors"]) == (["often", "some", "other"], ["", "", "#7d8590"])
    ids = np.array([project.items.ids_of([path])[path] for path in (paths[0], paths[9], paths[30], paths[-1])])
    assert metacolors.on_map(project, "c", ids).tolist() == [0, 1, 2, -1]
