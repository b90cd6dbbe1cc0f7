"""The command line in this process: every verb's JSON, exit codes, and one line on stderr for what a person can cure.

Longer than 400 lines: every verb meets the same one project and the same rules of answering.
"""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from alcore.cli import main as cli
from alcore.cli.main import main
from alcore.metrics import wilson
from alcore.progress import Progress
from alcore.project.facade import Project, Workspace
from alcore.storage import schema
from alcore.strategies import STRATEGIES, forget
from tests.extractors.colors import stand_in
from tests.house import ROOT
from tests.project.photos import write_photos
from tests.strategies.doubt import write

STEPS = 150
SET = ["--set", "steps=4", "--set", "batch_size=8"]


@pytest.fixture
def run(home, capsys, monkeypatch):
    """`run(verb, ...)` gives the JSON answer; the exit code must be 0 and stdout that one object."""
    monkeypatch.delenv("ALCORE_HOME", raising=False)

    def call(*arguments: str, code: int = 0):
        capsys.readouterr()
        assert main([*map(str, arguments), "--home", str(home), "--json"]) == code
        out = capsys.readouterr().out
        assert out.count("\n") == 1
        return json.loads(out)

    return call


@pytest.fixture
def refused(home, capsys):
    """`refused(verb, ...)` gives the line on stderr; the exit code must be 2 and stdout empty."""

    def call(*arguments: str) -> str:
        capsys.readouterr()
        assert main([*map(str, arguments), "--home", str(home), "--json"]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "Traceback" not in captured.err
        *progress, line = captured.err.splitlines()
        assert line.startswith("alcore: ")
        assert all(not p.startswith("alcore: ") for p in progress)
        return line.removeprefix("alcore: ")

    return call


@pytest.fixture
def toy(run, digits_source) -> Path:
    """The toy images imported as project "toy"."""
    run("import", digits_source, "--project", "toy")
    return digits_source


@pytest.fixture
def trained(run, toy) -> Path:
    """With 12 labels and a round of entropy sampling that asked for 5."""
    run("label", "--project", "toy", "--from-truth", 12, "--seed", 1)
    run("train", "--project", "toy", "--strategy", "entropy", "--query-size", 5, *SET)
    return toy


# ---- every verb


def test_import_answers_with_what_it_found(run, digits_source):
    (digits_source / "train" / "0" / "bad.png").write_bytes(b"")
    answer = run("import", digits_source, "--project", "toy")
    assert answer["skipped"] == [{"path": "train/0/bad.png", "reason": "empty: the file has 0 bytes"}]
    assert (answer["project"], answer["items"], answer["classes"], answer["splits"]) == (
        "toy",
        56,
        ["0", "1", "2", "3"],
        {"pool": 40, "test": 16},
    )
    (digits_source / "train" / "0" / "bad.png").unlink()
    assert run("import", digits_source, "--project", "toy", "--again")["skipped"] == []


def test_import_takes_its_options(run, digits_source):
    answer = run(
        "import",
        digits_source / "train",
        "--project",
        "toy",
        "--truth",
        "labels",
        "--hold-out",
        "0.5",
        "--image-size",
        "16",
        "--classes",
        "x",
        "y",
    )
    assert (answer["labeled"], answer["splits"], answer["classes"]) == (20, {"pool": 20, "test": 20}, ["0", "1", "2", "3", "x", "y"])


def test_label_from_truth_and_status(run, toy):
    assert run("label", "--project", "toy", "--from-truth", 5, "--annotator", "ann") == {"labeled": 5, "total": 5}
    assert run("label", "--project", "toy", "--from-truth", 3, "--seed", 9) == {"labeled": 3, "total": 8}
    status = run("status", "--project", "toy")
    assert (status["items"], status["labeled"], status["classes"], status["rounds"], status["jobs"]) == (
        56,
        8,
        ["0", "1", "2", "3"],
        [],
        [],
    )


def test_train_answers_with_job_round_metrics_and_seconds(run, toy):
    run("label", "--project", "toy", "--from-truth", 12)
    answer = run(
        "train",
        "--project",
        "toy",
        "--strategy",
        "mal",
        "--query-size",
        6,
        "--seed",
        3,
        "--device",
        "cpu",
        *SET,
        "--set",
        "temperature=0.1",
    )
    assert (answer["job"], answer["round"], answer["strategy"], answer["labeled"], answer["device"], answer["query"]) == (
        1,
        1,
        "mal",
        12,
        "cpu",
        6,
    )
    assert set(answer["metrics"]) == {"accuracy", "balanced_accuracy", "loss"}
    assert {"train", "score", "select", "map"} <= set(answer["seconds"])
    (listed,) = run("status", "--project", "toy")["rounds"]
    assert (listed["round"], listed["strategy"], listed["labeled"], listed["metrics"]) == (1, "mal", 12, answer["metrics"])


def test_query_gives_each_item_with_every_score(run, trained):
    answer = run("query", "--project", "toy")
    assert answer["round"] == 1
    assert len(answer["items"]) == 5
    for item in answer["items"]:
        assert (trained / item["path"]).is_file()
        assert set(item["scores"]) == {"entropy", "margin", "confidence", "total"}
        assert all(math.isfinite(value) for value in item["scores"].values())
    totals = [item["scores"]["total"] for item in answer["items"]]
    assert totals == sorted(totals, reverse=True)
    assert run("query", "--project", "toy", "--round", 1) == answer


def test_a_query_goes_out_as_csv_and_comes_back_with_labels(run, trained, tmp_path):
    out = tmp_path / "query.csv"
    asked = run("query", "--project", "toy", "--csv", out)["items"]
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["path"], row["label"], int(row["id"])) for row in rows] == [(item["path"], "", item["id"]) for item in asked]
    assert [float(row["entropy"]) for row in rows] == [item["scores"]["entropy"] for item in asked]
    for row in rows[:3]:
        row["label"] = row["path"].split("/")[1]  # two are left open
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    assert run("label", "--project", "toy", "--csv", out) == {"labeled": 3, "total": 15}
    assert run("status", "--project", "toy")["waiting"] == 2
    assert run("label", "--project", "toy", "--query-from-truth") == {"labeled": 2, "total": 17}
    assert run("status", "--project", "toy")["waiting"] == 0


def test_export_writes_csv_and_folders(run, trained, tmp_path):
    assert run("export", "--project", "toy", "--format", "csv", "--out", tmp_path / "l.csv") == {
        "format": "csv",
        "items": 28,
        "splits": {"train": 12, "test": 16},
        "renamed": [],
        "out": str(tmp_path / "l.csv"),
    }
    with (tmp_path / "l.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "label", "split", "annotator"]
    assert all(
        row["path"].split("/")[1] == row["label"] and row["annotator"] == ("oracle" if row["split"] == "train" else "given") for row in rows
    )
    assert run("export", "--project", "toy", "--format", "folder", "--out", tmp_path / "f", "--splits", "train")["items"] == 12
    assert len(list((tmp_path / "f" / "train").glob("*/*.png"))) == 12
    # what was written is read again
    again = run("import", tmp_path / "f", "--project", "again", "--truth", "labels", "--hold-out", 0)
    assert (again["items"], again["labeled"]) == (12, 12)


def test_strategies_lists_parameters_with_defaults_bounds_and_sources(run):
    answer = run("strategies")
    assert [s["name"] for s in answer["strategies"]] == list(STRATEGIES)
    mcdal = next(s for s in answer["strategies"] if s["name"] == "mcdal")
    assert mcdal["tasks"] == ["classification", "segmentation"]
    assert "arXiv 2107.11049" in mcdal["paper"]
    weight = next(p for p in mcdal["parameters"] if p["name"] == "discrepancy_weight")
    assert (weight["default"], weight["low"], weight["high"]) == (1.0, 0, 1000)
    assert weight["source"] == "MCDAL Eq. 2 (1), Fig. 10 (0)"
    assert next(p for p in answer["training"] if p["name"] == "steps")["default"] == 600


def test_doctor_is_well_finds_and_rebuilds(run, home, trained):
    answer = run("doctor")
    assert (answer["ok"], answer["findings"]) == (True, [])
    assert answer["environment"]["projects"] == ["toy"]
    workspace = Workspace(home)
    with workspace.database.write() as conn:
        conn.execute(schema.current.delete())
    assert run("doctor", "--project", "toy", code=2)["findings"] == [
        "toy: 12 current labels do not follow from the journal: run `doctor --project toy --rebuild`"
    ]
    answer = run("doctor", "--rebuild")
    assert (answer["ok"], answer["findings"]) == (True, ["toy: 12 current labels differed from the journal and were rebuilt"])
    assert run("doctor")["findings"] == []
    folder = workspace.project("toy").folder
    (folder / workspace.project("toy").settings["packed"]).unlink()
    workspace.close()
    answer = run("doctor", "--rebuild", code=2)  # what a rebuild does not cure is still wrong
    assert (answer["ok"], len(answer["findings"])) == (False, 1)


def test_without_json_an_answer_is_lines_for_people(home, toy, capsys):
    capsys.readouterr()
    assert main(["status", "--project", "toy", "--home", str(home)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "items: 56" in lines
    assert "classes: 0, 1, 2, 3" in lines
    assert main(["strategies", "--home", str(home)]) == 0
    assert "name=mcdal" in capsys.readouterr().out


def test_the_home_is_the_argument_else_the_environment(toy, home, tmp_path, monkeypatch, capsys):
    capsys.readouterr()
    monkeypatch.setenv("ALCORE_HOME", str(home))
    assert main(["status", "--project", "toy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 56
    assert main(["status", "--project", "toy", "--json", "--home", str(tmp_path / "other")]) == 2


# ---- what a person can cure


@pytest.mark.parametrize(("arguments", "words"), [
    ("status --project toys", "there is no project 'toys' (projects: toy)"),
    ("import nowhere --project new", "nowhere does not exist: give a folder of images, a CSV file or an npz file"),
    ("import . --project toy", "a project 'toy' exists already: choose another name, or delete it first"),
    ("import . --project new --format tfrecord", "unknown format 'tfrecord': use auto, "),
    ("train --project toy --strategy mal", "nothing is labeled yet: label a first query"),
    ("train --project toy --strategy best", "unknown strategy 'best': use one of mal, mcdal"),
    ("train --project toy --set steps", "--set 'steps': write name=value"),
    ("train --project toy --set stepz=3", "stepz is no parameter of mcdal or of training; there are: distance, heads, discrepancy_weight, averaging, official_updates"),
    ("train --project toy --set steps=many", "parameters of training: steps='many': use a number"),
    ("train --project toy --set heads=3", "parameters of strategy mcdal: heads='3': use one of 2, 4, 6, 8"),
    ("train --project toy --device cuda:99", "there is no cuda:99 here"),
    ("train --project toy --query-size 0", "cannot query 0 items: use a query size of at least 1"),
    ("train --project toy --resume 99", "there is no job 99"),
    ("train --project toy --resume 0", "there is no job 0"),
    ("query --project toy", "'toy' has no round: run `train` first"),
    ("label --project toy --from-truth 0", "cannot label 0 items: use at least 1"),
    ("label --project toy --from-truth 41", "cannot label 41 items from the truth: 40 unlabeled items of 'toy' have one. Lower the number."),
    ("label --project toy --query-from-truth", "there is no query yet: train a round first"),
    ("label --project toy --csv nowhere.csv", "nowhere.csv cannot be read: there is no such file"),
    ("export --project toy --format coco --out x", "cannot export as 'coco': use one of csv, cvat, fiftyone, folder"),
    ("export --project toy --format csv --out x", "nothing of 'toy' is labeled yet: there is nothing to export"),
])  # fmt: skip
def test_what_can_be_cured_ends_with_2_and_one_line(refused, toy, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused(*arguments.split())


def test_nothing_is_stored_by_what_was_refused(refused, run, toy):
    refused("label", "--project", "toy", "--from-truth", 41)
    refused("train", "--project", "toy", "--strategy", "mal")
    status = run("status", "--project", "toy")
    assert (status["labeled"], status["rounds"]) == (0, [])


def test_a_workspace_that_cannot_be_made_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert main(["doctor", "--home", str(tmp_path / "file" / "home")]) == 2
    assert capsys.readouterr().err.startswith("alcore: the workspace ")


def test_a_csv_that_cannot_be_written_is_told(refused, trained, tmp_path):
    assert (
        refused("query", "--project", "toy", "--csv", tmp_path / "no" / "q.csv")
        == f"{tmp_path}/no/q.csv cannot be written: No such file or directory"
    )
    assert refused("query", "--project", "toy", "--round", 7) == "'toy' has no round 7: run `train` first"


def test_an_unknown_verb_or_a_missing_argument_ends_with_2(capsys):
    for arguments in (
        ["fly"],
        [],
        ["status"],
        ["label", "--project", "x"],
        ["label", "--project", "x", "--from-truth", "1", "--query-from-truth"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert "usage: python -m alcore" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback(toy, home, monkeypatch):
    monkeypatch.setattr(Project, "status", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["status", "--project", "toy", "--home", str(home)])


@pytest.mark.slow
def test_the_module_runs_as_a_program(home):
    command = [sys.executable, "-m", "alcore", "status", "--project", "nothing", "--json", "--home", str(home)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=120)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "alcore: there is no project 'nothing' (projects: none yet)\n"


# ---- interrupted and resumed


def test_a_training_stopped_by_ctrl_c_is_resumed_to_the_result_it_would_have_had(run, refused, home, toy, monkeypatch, capsys):
    run("label", "--project", "toy", "--from-truth", 12)
    train = ["train", "--project", "toy", "--strategy", "mcdal", "--seed", "3", "--query-size", "6", *SET]
    whole = run(*train)
    with monkeypatch.context() as patch:

        def stop(self, progress: Progress) -> None:
            if progress.stage.startswith("training") and progress.done == 2:
                raise KeyboardInterrupt

        patch.setattr(cli.Line, "__call__", stop)
        assert main([*train, "--home", str(home)]) == 130
    assert capsys.readouterr().err.splitlines()[1:] == ["alcore: interrupted; `train --resume JOB` goes on from the last checkpoint"]
    workspace = Workspace(home)
    job = workspace.job_rows.jobs()[0]
    assert job.state == "interrupted"
    checkpoint = workspace.project("toy").job_folder(job.id) / "checkpoint.pt"
    assert checkpoint.is_file()
    resumed = run("train", "--project", "toy", "--resume", job.id)
    assert (resumed["job"], resumed["round"], resumed["metrics"]) == (job.id, 2, whole["metrics"])
    first, second = (run("query", "--project", "toy", "--round", n)["items"] for n in (1, 2))
    assert first == second
    assert not checkpoint.exists()
    assert refused("train", "--project", "toy", "--resume", job.id).startswith(f"job {job.id} is done; only one that is interrupted")
    run("import", toy / "test", "--project", "other")
    assert (
        refused("train", "--project", "other", "--resume", job.id) == f"job {job.id} is no round of 'other': it is '{job.title}' of 'toy'"
    )
    workspace.close()


# ---- quickstart


def test_quickstart_goes_the_whole_way_and_can_be_called_again(run, monkeypatch):
    honest = Project.run_round
    monkeypatch.setattr(
        Project, "run_round", lambda self, *args, **options: honest(self, *args, train={"steps": 3, "batch_size": 8}, **options)
    )
    answer = run("quickstart", "--strategy", "random", "--device", "cpu")
    assert (answer["project"], answer["round"], answer["labeled"], len(answer["query"])) == ("digits", 1, 50, 50)
    assert set(answer["seconds"]) >= {"import", "train", "score", "select", "map"}
    assert run("quickstart", "--strategy", "random", "--device", "cpu")["round"] == 2


@pytest.mark.slow
def test_quickstart_with_mal_learns_the_digits_and_asks_for_fifty_unlabeled_ones(run, home, monkeypatch):
    honest = Project.run_round  # a part of the steps is enough for these digits
    monkeypatch.setattr(Project, "run_round", lambda self, *args, **options: honest(self, *args, train={"steps": STEPS}, **options))
    answer = run("quickstart", "--strategy", "mal", "--device", "cpu")
    assert {"project", "round", "accuracy", "query", "seconds"} <= set(answer)
    assert 0.75 < answer["accuracy"] <= 1  # an untrained net has 0.1
    workspace = Workspace(home)
    project = workspace.project("digits")
    labeled, pool = project.items.labels(), {i for i, split, *_ in project.snapshot() if split == "pool"}
    ids = {item["id"] for item in answer["query"]}
    assert len(ids) == len(answer["query"]) == 50
    assert ids <= pool - labeled.keys()
    for item in answer["query"]:
        assert set(item["scores"]) >= {"entropy", "margin", "confidence", "labeledness", "total"}
        assert 0 <= item["scores"]["entropy"] <= math.log(10) + 1e-6
        assert 0 <= item["scores"]["labeledness"] <= 1
    workspace.close()


def test_strategies_lists_presets_with_the_source_of_every_value(home, capsys):
    assert main(["strategies", "--home", str(home), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    presets = {preset["name"]: preset for preset in said["presets"]}
    assert "mcdal-cifar10" in presets
    assert presets["mcdal-cifar10"]["train"]["steps"] == 38_610
    assert presets["mcdal-cifar10"]["sources"]["steps"]


# ---- delete


def test_delete_says_what_it_would_remove_and_removes_it_when_told(run, refused, home, toy):
    run("label", "--project", "toy", "--from-truth", 12)
    run("train", "--project", "toy", "--strategy", "random", "--query-size", "6", *SET)
    assert refused("delete", "--project", "toy") == (
        f"this removes 'toy' for good: 56 images with 12 labels, and 1 round. Its source {toy} stays. Add --yes to do it."
    )
    assert run("status", "--project", "toy")["labeled"] == 12
    pictures = len(list(Path(toy).rglob("*.png")))
    assert run("delete", "--project", "toy", "--yes") == {"project": "toy"}
    assert refused("status", "--project", "toy") == "there is no project 'toy' (projects: none yet)"
    assert list((home / "projects").iterdir()) == []
    assert len(list(Path(toy).rglob("*.png"))) == pictures
    assert run("doctor")["findings"] == []


def test_doctor_names_what_killed_work_left_and_rebuild_removes_it(run, home, toy):
    left = home / "projects" / "0123456789ab" / "packed-0.npy"
    left.parent.mkdir()
    left.write_bytes(bytes(2_100_000))
    assert run("doctor")["findings"] == []  # it may be of an import that runs
    for path in (left, left.parent):
        os.utime(path, (0, 0))
    assert run("doctor", code=2)["findings"] == ["1 leftover of killed work, 2.1 MB: `doctor --rebuild` removes them"]
    assert run("doctor", "--project", "toy")["findings"] == []
    assert run("doctor", "--rebuild")["findings"] == ["1 leftover of killed work, 2.1 MB: removed"]
    assert run("doctor")["findings"] == []
    assert not left.parent.exists()


@pytest.fixture
def photos(run, tmp_path, monkeypatch) -> Path:
    """Little photos imported as project "photos", with an extractor that takes no time."""
    stand_in(monkeypatch.setattr)
    source = write_photos(tmp_path / "photos", pool=6, test=2)
    run("import", source, "--project", "photos")
    return source


def test_features_are_made_once_and_told_of(run, photos, home):
    first = run("features", "--project", "photos", "--device", "cpu")
    assert first["images_per_second"] > 0
    assert first["seconds"] >= 0
    assert {name: first[name] for name in ("project", "extractor", "items", "dim", "made", "unreadable")} == {
        "project": "photos",
        "extractor": "lite0",
        "items": 32,
        "dim": 8,
        "made": 32,
        "unreadable": [],
    }
    (photos / "train" / "sea" / "00.png").write_bytes(b"broken")
    write_photos(photos, pool=7, test=2)
    (photos / "train" / "sea" / "06.png").unlink()
    run("import", photos, "--project", "photos", "--again")
    again = run("features", "--project", "photos", "--device", "cpu")
    assert (again["items"], again["made"], again["known"]) == (35, 35, 32)  # all were written anew, three are new
    run("label", "--project", "photos", "--from-truth", 8, "--seed", 1)
    trained = run("train", "--project", "photos", "--strategy", "margin", "--query-size", 3, *SET)
    assert trained["labeled"] == 8
    assert run("doctor")["ok"]


def test_an_extractor_that_cannot_be_had_is_refused_before_anything_begins(refused, photos, home, monkeypatch):
    assert refused("features", "--project", "photos", "--extractor", "lite9").startswith("unknown extractor 'lite9': use lite0")
    monkeypatch.setitem(sys.modules, "timm", None)  # as where it is not installed
    assert "pip install" in refused("features", "--project", "photos", "--extractor", "timm:resnet18")
    assert "no project" in refused("features", "--project", "nobody")
    workspace = Workspace(home)
    assert [job.kind for job in workspace.job_rows.jobs() if job.kind == "features"] == []
    assert not (workspace.project("photos").folder / "features").exists()
    workspace.close()


def test_a_slice_is_drawn_labeled_and_measured_and_every_image_gets_a_label(run, refused, photos, home, tmp_path):
    run("features", "--project", "photos", "--device", "cpu")
    assert run("status", "--project", "photos")["slice"] is None
    assert run("slice", "--project", "photos", "--size", 0) == {
        "slice": [], "size": 0, "labeled": 0, "accuracy": None, "low": None, "high": None,
    }  # fmt: skip
    drawn = run("slice", "--project", "photos", "--size", 6, "--seed", 1)
    nothing = {"size": 6, "labeled": 0, "accuracy": None, "low": None, "high": None}
    assert {name: drawn[name] for name in nothing} == nothing == run("status", "--project", "photos")["slice"]
    assert (len(drawn["slice"]), sorted(drawn["slice"][0])) == (6, ["id", "path"])
    assert "Use at most" in refused("slice", "--project", "photos", "--size", 20)
    assert run("label", "--project", "photos", "--slice-from-truth") == {"labeled": 6, "total": 0}
    run("label", "--project", "photos", "--from-truth", 8, "--seed", 1)
    out = tmp_path / "all.csv"
    assert "has no model yet" in refused("export", "--project", "photos", "--with-predictions", "--format", "csv", "--out", out)
    run(
        "train",
        "--project",
        "photos",
        "--strategy",
        "margin",
        "--query-size",
        4,
        "--set",
        "steps=12",
        "--set",
        "batch_size=8",
        "--device",
        "cpu",
    )
    found = run("status", "--project", "photos")["slice"]
    assert (found["labeled"], found["low"] <= found["accuracy"] <= found["high"]) == (6, True)
    assert {name: found[name] for name in ("low", "high")} == dict(zip(("low", "high"), wilson(found["accuracy"], 6), strict=True))
    assert run("slice", "--project", "photos", "--size", 6) == {"slice": drawn["slice"], **found}
    told = run("export", "--project", "photos", "--with-predictions", "--format", "csv", "--out", out)
    assert {name: told[name] for name in ("images", "person", "given", "model", "without", "threshold")} == {
        "images": 32,
        "person": 14,
        "given": 8,
        "model": 10,
        "without": 0,
        "threshold": 0.0,
    }
    assert told["measured"]["right"] == round(6 * found["accuracy"])
    assert len(out.read_text().splitlines()) == 33
    args = ("export", "--project", "photos", "--format", "csv", "--out", tmp_path / "other.csv")
    assert "at least 45" in refused(*args, "--with-predictions", "--promise", 0.95)
    assert "add --with-predictions" in refused(*args, "--above", 0.9)
    assert run(*args, "--with-predictions", "--above", 1.0)["without"] >= 1


@pytest.fixture
def only_the_librarys():
    forget()
    yield
    forget()


@pytest.mark.usefixtures("only_the_librarys")
def test_a_strategy_of_ones_own_in_the_workspace_is_listed_and_trains(run, home, toy):
    path = write(home / "strategies")
    run("label", "--project", "toy", "--from-truth", 12, "--seed", 1)
    answer = run("train", "--project", "toy", "--strategy", "doubt", "--set", "power=2", "--query-size", 5, *SET)
    assert (answer["strategy"], answer["query"]) == ("doubt", 5)
    told = run("strategies")["strategies"][-1]
    assert (told["name"], told["file"], told["parameters"][0]["name"]) == ("doubt", str(path), "power")
    assert run("strategies")["strategies"][0]["file"] == ""
    assert run("doctor")["ok"]
    rows = run("query", "--project", "toy")["items"]
    path.unlink()
    assert run("query", "--project", "toy")["items"] == rows  # what it asked for stays asked


@pytest.mark.usefixtures("only_the_librarys")
def test_doctor_tells_of_a_broken_strategy_and_only_who_asks_for_it_is_refused(run, refused, home, toy):
    path = write(home / "strategies", text="import not_there\n")
    sentence = f"{path}, line 1: ModuleNotFoundError: No module named 'not_there'. Mend the file: it is read again by itself."
    answer = run("doctor", code=2)
    assert (answer["ok"], answer["findings"]) == (False, [sentence])
    run("label", "--project", "toy", "--from-truth", 12, "--seed", 1)
    assert refused("train", "--project", "toy", "--strategy", "doubt") == sentence
    run("train", "--project", "toy", "--strategy", "margin", "--query-size", 5, *SET)
    write(path.parent)
    assert run("doctor")["ok"]


@pytest.mark.slow
@pytest.mark.usefixtures("only_the_librarys")
def test_what_is_timed_apart_knows_a_strategy_of_ones_own(run, home, toy):
    """Steps are timed in a process of their own."""
    write(home / "strategies")
    run("label", "--project", "toy", "--from-truth", 12, "--seed", 1)
    order = {"strategy": "doubt", "query_size": 5, "device": "cpu", "train": {"steps": 4, "batch_size": 8}}
    ended = subprocess.run(
        [sys.executable, "-m", "alcore.project.probe", str(home), "toy"],
        input=json.dumps(order), capture_output=True, text=True, timeout=120, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert [name for name, *_ in json.loads(ended.stdout)["stages"]] == ["training"]


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_error(home):
    """As `| head -1` is, whose end of the pipe is closed before all is said."""
    with subprocess.Popen(
        [sys.executable, "-m", "alcore", "strategies", "--home", str(home)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        said = process.stderr.read() if process.stderr else b""
    assert (process.returncode, said) == (0, b"")


@pytest.mark.slow
def test_two_processes_of_torchrun_train_one_round_as_one_does(run, home, tmp_path):
    """By the real extractor, since the processes would not find one that stands in for it."""
    run("import", write_photos(tmp_path / "photos", pool=12, test=4), "--project", "photos")
    run("features", "--project", "photos", "--device", "cpu")
    run("label", "--project", "photos", "--from-truth", 16, "--seed", 1)
    words = ["train", "--project", "photos", "--strategy", "mcdal", "--query-size", 5, "--seed", 2, "--device", "cpu"]
    words += ["--set", "steps=30", "--set", "passes=1", "--set", "batch_size=8"]
    alone = run(*words)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--module", "alcore"]
    ended = subprocess.run(
        [*command, *map(str, words), "--home", str(home), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    together = json.loads(ended.stdout)  # one answer, of the process that leads
    assert (together["round"], together["labeled"], together["query"]) == (2, 16, 5)
    assert together["metrics"] == pytest.approx(alone["metrics"], rel=1e-4)
    project = Workspace(home).project("photos")
    one, two = (project.files(project.round(number)) for number in (1, 2))
    np.testing.assert_allclose(one.array("logits"), two.array("logits"), rtol=1e-3, atol=1e-3)
    assert project.round(1).query == project.round(2).query
