"""A view as a table: each cell held against where it comes from."""

from __future__ import annotations

import numpy as np

from alcore.project import listing, views
from alcore.project.listing import COLUMNS


def test_a_view_is_a_table_in_its_order(played):
    view = views.View(split=("pool",), order="score:total")
    frame = listing.table(played, view)
    of, _, at = views.found(played, view)
    assert tuple(frame.columns[: len(COLUMNS)]) == COLUMNS
    assert frame["id"].tolist() == of.ids[at].tolist()
    rows = played.items.rows(frame["id"].tolist())
    assert frame["path"].tolist() == [rows[i]["path"] for i in frame["id"]]
    assert frame["label"].tolist() == [rows[i]["label"] or "" for i in frame["id"]]
    assert set(frame.loc[frame["label"] != "", "state"]) == {"labeled"}
    assert set(frame.loc[frame["label"] == "", "annotator"]) == {""}
    assert set(frame.loc[frame["label"] != "", "annotator"]) == {"oracle"}
    scores = played.scores(played.round()).set_index("id")
    asked = frame[frame["id"].isin(scores.index)].set_index("id")
    assert asked["guess"].tolist() == scores.loc[asked.index, "prediction"].tolist()
    np.testing.assert_array_equal(asked["total"], scores.loc[asked.index, "total"].astype(np.float32))


def test_without_a_model_and_with_masks(toy, asked):
    item = int(toy.pool().unlabeled[0])
    toy.annotate({item: "2"}, annotator="ann")
    row = listing.table(toy, views.View(by=("ann",))).iloc[0]
    assert (row["id"], row["label"], row["state"], row["annotator"], row["guess"]) == (item, "2", "labeled", "ann", "")
    assert row["time"].endswith("+00:00")
    masks = listing.table(asked, views.View(state=("labeled",)))
    assert (len(masks), set(masks["label"]), set(masks["state"])) == (5, {""}, {"labeled"})
