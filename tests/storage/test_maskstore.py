"""The rows of masks beside their files: each once, none of another project's, and what no longer fits is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alcore.pixels import maskfiles
from alcore.storage.importrows import ImportRows
from alcore.storage.items import Items
from alcore.storage.maskstore import MaskStore
from alcore.storage.schema import current
from tests.storage.rows import add_project, row

pytestmark = pytest.mark.both_databases

FIRST, SECOND = np.zeros((8, 8), np.uint8), np.tile(np.array([0, 1, 255, 255], np.uint8), (8, 2))


@pytest.fixture
def store(database, project, tmp_path) -> MaskStore:
    return MaskStore(database, project, tmp_path / "first")


@pytest.fixture
def beside(database, project, tmp_path) -> MaskStore:
    """Of another project."""
    return MaskStore(database, add_project(database, "others", ["1.png"]), tmp_path / "second")


def test_a_mask_is_stored_once_a_project_and_comes_back(store, beside):
    digest = store.keep(SECOND, 2)
    assert store.keep(SECOND.copy(), 2) == digest == beside.keep(SECOND, 2)
    other = store.keep(FIRST, 2)
    assert (store.digests(), beside.digests()) == ({digest, other}, {digest})
    np.testing.assert_array_equal(store.load(digest), SECOND)
    assert store.pixels([other, digest, digest, "unknown"]) == {digest: [16, 16, 32], other: [64, 0, 0]}
    assert beside.pixels([other]) == {}


def test_what_a_transaction_takes_back_has_no_row(store, database):
    with pytest.raises(ZeroDivisionError), database.write() as conn:
        store.keep(FIRST, 2, conn)
        raise ZeroDivisionError
    assert store.digests() == set()


def test_a_file_that_was_removed_before_its_row_was_stored_is_written_again(store, tmp_path):
    values = store.write(FIRST, 2)
    path = maskfiles.place(tmp_path / "first", values["digest"])
    path.unlink()
    assert store.settle(values, FIRST) == values["digest"]
    np.testing.assert_array_equal(store.load(values["digest"]), FIRST)


def test_files_without_a_row_are_removed_and_rows_without_a_file_are_missing(store, tmp_path):
    kept, litter = store.keep(FIRST, 2), store.write(SECOND, 2)["digest"]
    files: dict[str, Path] = {digest: maskfiles.place(tmp_path / "first", digest) for digest in (kept, litter)}
    assert store.remove_unnamed(files) == [files[litter]]
    assert (files[kept].is_file(), files[litter].exists()) == (True, False)
    assert store.missing() == []
    files[kept].unlink()
    assert store.missing() == [kept]


def test_a_mask_of_another_size_than_its_image_counts_as_skipped(store, database, project):
    digest = store.keep(FIRST, 2)
    rows = Items(database, project)
    with database.write() as conn:
        said = {"project_id": project, "label": digest, "skipped": False, "flagged": False, "annotator": "ann", "changed": 1.0}
        conn.execute(current.insert(), [{**said, "item_id": at} for at in (2, 5)])
    assert store.misfits() == {}
    with database.write() as conn:
        ImportRows(database, project).replace(conn, [row(f"{n}.png", n - 1, **({"width": 16} if n == 5 else {})) for n in range(1, 7)], [])
    assert store.misfits() == {5: "5.png"}
    told, fitting = rows.snapshot(), store.fitting(rows.snapshot())
    assert [(at, label) for at, _, _, _, label, *_ in told if label is not None] == [(2, digest), (5, digest)]
    assert [(at, label) for at, _, _, _, label, *_ in fitting if label is not None] == [(2, digest)]
    assert [at for at, *_, skipped, _ in fitting if skipped] == [5]
    assert not told.skipped.any()
