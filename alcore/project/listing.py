"""A view of images as a table: what was said of each and what the model thinks. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from alcore.formats.columnar import check_parquet
from alcore.project import metadata, views
from alcore.project.catalog import DISPUTED, FLAGGED, LABELED, SKIPPED
from alcore.project.stored import Stored
from alcore.types import SPLITS, written

COLUMNS = ("id", "path", "split", "state", "label", "annotator", "time", "guess", "confidence")
MARKS = ((SKIPPED, "skipped"), (FLAGGED, "flagged"), (DISPUTED, "disputed"), (LABELED, "labeled"))


def table(project: Stored, view: views.View, viewer: str | None = None) -> pd.DataFrame:
    """A row for each image of a view, in its order, with COLUMNS, then the scores of the round and the columns of the metadata (meta.NAME).

    `state` names the first that holds of skipped, flagged, disputed, labeled, else is empty; `label` and `guess` are class names (of masks,
    nothing); `time` is that of the newest event (ISO 8601, UTC).

    Args:
        viewer: who looks, see views.found; everything is told without anybody.
    """
    of, said, at = views.found(project, view, viewer)
    names = np.array([*project.classes, ""], object)  # -1, no class, is the last
    labels = names[of.labels[at]] if not project.dense else np.full(len(at), "", object)
    states = np.select([of.states[at] & bit > 0 for bit, _ in MARKS], [name for _, name in MARKS], "")
    people = np.array([*of.people, ""], object)
    times = [datetime.fromtimestamp(t, UTC).isoformat(timespec="seconds") if t else "" for t in of.changed[at].tolist()]
    frame = pd.DataFrame(
        {
            "id": of.ids[at],
            "path": [of.names.paths[int(i)] for i in at],
            "split": np.array(SPLITS, object)[of.splits[at]],
            "state": states,
            "label": labels,
            "annotator": people[of.annotators[at]],
            "time": times,
            "guess": names[said.classes[at]] if said else "",
            "confidence": np.round(said.confidence[at].astype(float), 4) if said else np.nan,
        },
        columns=list(COLUMNS),
    )
    for name, values in (said.scores if said else {}).items():
        frame[name] = values[at]
    described = pd.DataFrame(metadata.exported(project, of.ids[at]), index=frame.index)
    return pd.concat([frame, described], axis=1)


def write_all(project: Stored, out: Path, format_name: str, splits: Sequence[str]) -> dict[str, int]:
    """Every image of some splits, labeled or not, with all of `table`'s columns, as csv or parquet; splits, and labels that came with those
    held out, are as in other exports, so that it is read again. How many of each split. BadInput where Parquet cannot be written here."""
    frame = table(project, views.View())
    if not project.dense:
        given = {row["id"]: row["label"] for row in project.items.labeled(given=True) if row["annotator"] == "given"}
        held = frame["id"].isin(given) & frame["label"].eq("")
        frame.loc[held, "label"], frame.loc[held, "annotator"] = frame.loc[held, "id"].map(given), "given"
    frame["split"] = [written(split) for split in frame["split"]]
    frame = frame[frame["split"].isin(splits)]
    if format_name == "parquet":
        check_parquet()
        frame.to_parquet(out, index=False)
    else:
        out.write_text(frame.to_csv(index=False), encoding="utf-8", errors="surrogateescape", newline="")
    return {str(split): int(count) for split, count in frame["split"].value_counts().items()}
