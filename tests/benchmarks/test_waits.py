"""The benchmark that labels elsewhere: every wait it tells of was a label."""

from __future__ import annotations

import pytest

from alcore.project.facade import Project
from benchmarks import waits


@pytest.mark.slow
def test_a_process_labels_elsewhere_while_it_lasts(workspace, digits_source):
    project = Project.import_into(workspace, waits.NAME, digits_source)
    with waits.labels_elsewhere(workspace.home) as told:
        assert told == {}
    events = [(event["kind"], event["value"]) for event in project.journal.events()]
    assert len(events) == told["labels"] + 1 >= 2
    assert set(events) <= {("label", name) for name in project.classes}
    assert 0 < told["median"] <= told["longest"]
