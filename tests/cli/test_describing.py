"""The verb `metadata`, and an import with a table: each step's JSON, and one line for what a person can cure."""

from __future__ import annotations

import json

import pytest

from alcore.cli.main import main


@pytest.fixture
def run(home, capsys):
    """`run(verb, ...)` gives the JSON answer, or the line of an error."""

    def call(*arguments):
        capsys.readouterr()
        code = main([*map(str, arguments), "--home", str(home), "--json"])
        said = capsys.readouterr()
        return json.loads(said.out) if code == 0 else said.err.strip().splitlines()[-1]

    return call


@pytest.fixture
def table(project, tmp_path):
    paths = sorted(project.items.paths().values())
    file = tmp_path / "p.csv"
    file.write_text(
        "path,patient,age\n" + "".join(f"{p},{'a' if p.startswith('test') else f'g{at % 9}'},{at}\n" for at, p in enumerate(paths))
    )
    project.workspace.close()
    return file


def test_a_table_is_looked_at_kept_grouped_by_and_taken_away(run, table):
    seen = run("metadata", table, "--project", "toy", "--dry-run")
    assert (seen["kept"], seen["described"], seen["columns"][0]["name"]) == (False, 56, "patient")
    assert run("metadata", "--project", "toy") == {"project": "toy", "kept": False, "group_by": None}
    kept = run("metadata", table, "--project", "toy", "--group-by", "patient")
    held = "1 group of 'patient', 16 images held out"
    assert (kept["kept"], kept["group_by"], kept["held_out"]) == (True, "patient", held)
    told = {"project": "toy", "kept": True, "group_by": "patient", "source": "p.csv", "rows": 56, "columns": ["patient", "age"]}
    assert run("metadata", "--project", "toy") == {**told, "held_out": held}
    assert run("slice", "--project", "toy", "--size", "6")["groups"].startswith("2 groups of 'patient', ")
    assert run("metadata", "--project", "toy", "--group-by", "")["group_by"] is None
    assert run("metadata", "--project", "toy", "--remove") == {"project": "toy", "kept": False, "group_by": None}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dry-run",), "--dry-run looks at a table: name its file"),
        (("--remove", "--group-by", "x"), "--remove takes everything away"),
        (("--group-by", "x"), "'toy' has no metadata yet"),
        (("gone.csv",), "gone.csv cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(run, table, arguments, said):
    assert said in run("metadata", *arguments, "--project", "toy")


def test_an_import_takes_a_table_and_groups(run, make_source, tmp_path):
    source = make_source(tmp_path / "flat", train=5, test=0)
    paths = [file.relative_to(source).as_posix() for file in sorted(source.rglob("*.png"))]
    (tmp_path / "p.csv").write_text("path,patient\n" + "".join(f"{p},g{at // 2}\n" for at, p in enumerate(paths)))
    asked = ("import", source, "--metadata", tmp_path / "p.csv", "--group-by", "patient")
    assert run(*asked, "--dry-run")["splits"] == {"pool": 16, "test": 4}
    told = run(*asked, "--project", "p")
    assert told["splits"] == {"pool": 16, "test": 4}
    assert "there is no test split: 2 groups of 'patient', 4 of 20 labeled images, are held out for testing" in told["notes"]
    assert run("metadata", "--project", "p")["held_out"] == "2 groups of 'patient', 4 images held out"
