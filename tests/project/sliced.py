"""What tests of the test slice say and assume: events of many items, near duplicates as they are told."""

from __future__ import annotations

import numpy as np

from alcore.project.features import Features
from alcore.types import Annotation

QUICK = {"steps": 12, "batch_size": 8}


def say(project, ids, kind: str = "label", annotator: str = "me", value: str | None = None) -> None:
    """An event of each item, a label being its hidden truth."""
    rows = project.items.rows(list(ids))
    client = f"test-{kind}-{annotator}-{min(ids)}-{len(project.journal.events())}"
    events = [
        Annotation(client, n, i, kind, (value or rows[i]["truth"]) if kind == "label" else None, annotator=annotator)
        for n, i in enumerate(ids, 1)
    ]
    assert project.journal.record(events, project.classes)[1] == []


def grouped(monkeypatch, together: dict[int, int]) -> None:
    """From now on these items are near duplicates of those they name."""

    def groups(self, report=None):
        ids = self.ids[self.rows >= 0]
        return ids, np.array([together.get(i, i) for i in ids.tolist()], np.int64)

    monkeypatch.setattr(Features, "groups", groups)
