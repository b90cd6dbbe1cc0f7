"""The four walks through the house (walks.py) are no longer than they were when they were last shortened."""

from __future__ import annotations

from tests import walks
from tests.house import ROOT


def test_what_follows_a_label_a_folder_a_parameter_or_a_mask_reads_no_more_than_it_did():
    found = walks.counted(ROOT)
    names = {walk: [function for _, function in what["passed"]] for walk, what in found.items()}
    assert names["a label, to its row"] == ["_annotations", "Journal.take"]
    assert {walk: (passed[0], passed[-1]) for walk, passed in names.items()} == {
        "a folder, to a scored pool": ("Project.run_round", "write_files"),
        "a label, to its row": ("_annotations", "Journal.take"),
        "a mask, to the loss": ("save", "Segmentation.loss"),
        "a parameter, to the step": ("main", "MCDAL.step"),
    }
    longest = {"a folder, to a scored pool": 9, "a label, to its row": 2, "a mask, to the loss": 16, "a parameter, to the step": 14}
    assert {walk: len(passed) for walk, passed in names.items() if len(passed) > longest[walk]} == {}
    assert all(len(what["called"]) > len(what["passed"]) for what in found.values())


def test_trees_are_told_beside_each_other():
    short = {"a walk": {"passed": [["a.py", "f"]], "called": [["a.py", "f"], ["b.py", "g"]]}}
    longer = {"a walk": {"passed": [["a.py", "f"], ["a.py", "h"]], "called": [["a.py", "f"], ["a.py", "h"], ["b.py", "g"]]}}
    assert walks.table({"before": longer, "now": short}).splitlines()[1] == "a walk | 2 (1), 3 (2) | 1 (1), 2 (2)"
