"""Two app processes on one workspace: what one remembers follows what the other does, and waits end that the other ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest

from alcore.project import batches, classes, holding, labeling, sharing
from alcore.project.catalog import catalog
from alcore.project.facade import Project
from alcore.project.past import past
from tests.house import ROOT

pytestmark = [pytest.mark.both_databases, pytest.mark.slow]

DEEDS = ("label", "rename", "merge", "hold", "batch", "round", "undo", "share")


def told(project: Project) -> dict[str, Any]:
    """What pages would show, much of it from memory."""
    project = project.workspace.project(project.name)
    of = catalog(project)
    return json.loads(
        json.dumps(
            {
                "classes": list(project.classes),
                "status": project.status()["labeled"],
                "counts": project.counts(),
                "columns": [of.ids.tolist(), of.labels.tolist(), of.states.tolist(), of.splits.tolist(), list(of.people), of.event],
                "queue": [item["id"] for item in project.queue(100)["items"]],
                "csv": project.labels_csv(),
                "rounds": [(round_.number, list(round_.query)) for round_ in project.rounds()],
                "past": [past(project, round_).labels for round_ in project.rounds()],
                "people": labeling.people(project),
                "mode": sharing.settings(project).mode,
                "changes": [change["words"] for change in classes.changes(project)],
            }
        )
    )


def do(project: Project, deed: str, turn: int) -> None:
    """One thing that a person does."""
    ids = [item.id for item in project.items.pool() if item.split == "pool"]
    some = ids[5 * turn : 5 * turn + 4]
    first, second = list(project.classes)[:2]
    if deed == "label":
        project.annotate(dict.fromkeys(some, first), f"ann {turn}")
    elif deed == "rename":
        classes.rename(project, first, f"new {turn}", "ann")
    elif deed == "merge":
        classes.merge(project, first, second, "ann")
    elif deed == "hold":
        holding.hold(project, some, annotator="ann")
    elif deed == "batch":
        batches.give(project, some, "label", second, annotator="ben")
    elif deed == "round":
        project.start(4, seed=turn)
    elif deed == "undo":
        undoable = next(one for one in classes.changes(project) if one["undoable"])
        classes.undo(project, int(undoable["id"]), "ann")
    else:
        sharing.choose(project, split=True)


CHILD = """
import json, sys
from alcore.project.facade import Workspace
from tests.project.test_two_processes import do, told
workspace = Workspace(sys.argv[1])
for line in sys.stdin:
    deed, turn = line.split()
    project = workspace.project("toy")
    if deed != "tell":
        do(project, deed, int(turn))
    print(json.dumps(told(project)), flush=True)
workspace.close()
"""


def test_what_one_process_remembers_follows_what_the_other_does(project, home):
    command = [sys.executable, "-c", CHILD, str(home)]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:

        def ask(deed: str, turn: int) -> dict[str, Any]:
            print(deed, turn, file=other.stdin, flush=True)
            return json.loads(other.stdout.readline())

        assert ask("tell", 0) == told(project)  # both remember
        seen = []
        for turn, deed in enumerate(DEEDS):
            if turn % 2:
                do(project.workspace.project("toy"), deed, turn)
                there = ask("tell", turn)
            else:
                there = ask(deed, turn)
            assert told(project) == there, deed
            seen.append(there)
        other.stdin.close()
    assert all(a != b for a, b in pairwise(seen)), "each deed shows"


def test_a_job_of_one_process_is_left_alone_by_the_other_until_that_one_is_gone(project, home, workspace):
    code = """
import sys, time
from alcore.project.facade import Workspace
workspace = Workspace(sys.argv[1])
job = workspace.project("toy").submit_round("margin", 4, 0, "cpu", train={"steps": 100000, "batch_size": 4})
while not workspace.runner.snapshot(job.id).progress.stage.startswith("training"):
    time.sleep(0.01)
print(job.id, flush=True)
sys.stdin.readline()
"""
    project.label_from_truth(12, seed=0)
    command = [sys.executable, "-c", code, str(home)]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        number = int(other.stdout.readline())
        assert workspace.job_rows.job(number).state == "running"
        assert workspace.runner.start() == []  # another process's, which lives
        other.kill()
        other.wait()
    assert [job.id for job in workspace.runner.recover()] == [number]
    assert workspace.job_rows.job(number).state == "interrupted"
