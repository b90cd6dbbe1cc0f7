"""The README's command lines are run, block by block, as they stand; those that are not are listed in tests/README.md with the reason.

What people have is made here: `photos` of three kinds, `new-photos`. lite0 is an extractor that takes no time, rounds have few steps.
"""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.cli.main import main
from alcore.project import slices
from alcore.project.facade import Workspace
from docs.build import lines_of
from tests.extractors.colors import stand_in
from tests.house import ROOT

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text(encoding="utf-8")
KINDS = {"cat": (200, 60, 40), "dog": (60, 180, 50), "other": (40, 70, 200)}
COMMAND = re.compile(r"(?:\.venv/bin/)?python -m alcore ")
QUICK = {"train": ["--set", "steps=20"], "simulate": ["--set", "steps=4"]}  # what is added to a command


def blocks() -> list[list[str]]:
    """The README's blocks of code that have command lines of alcore: these, without what is said of them."""
    found: list[list[str]] = [[]]
    for line, inside in lines_of(README):
        if inside and COMMAND.match(line):
            found[-1].append(re.split(r"\s+#", line)[0].strip())
        elif not inside and found[-1]:
            found.append([])
    return [block for block in found if block]


def not_run() -> dict[str, str]:
    """Command line -> why it is not run, as tests/README.md has it."""
    text = (
        (ROOT / "tests" / "README.md").read_text(encoding="utf-8").split("## Commands of the README that are not run")[1].split("\n## ")[0]
    )
    return dict(re.findall(r"(?m)^\| `(.+?)` \| (.+?) \|$", text))


def is_left_out(command: str) -> bool:
    return any(command.startswith(start) for start in not_run())


def write_photos(folder: Path, count: int, *, folders: bool) -> None:
    """`count` pictures of each kind, in a folder a kind, or all in one with the kind in the name."""
    for at, (kind, color) in enumerate(KINDS.items()):
        for number in range(count):
            rng = np.random.default_rng((at, number))
            coarse = np.clip(np.array(color) + rng.normal(0, 35, (4, 4, 3)), 0, 255).astype(np.uint8)
            file = folder / (f"{kind}/{number:03d}.png" if folders else f"{kind}-{number:03d}.png")
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC).save(file)


def kind_of(path: str) -> str:
    return Path(path).name.split("-")[0]


# ---- what a person does between two lines


def label_all_asked(folder: Path) -> None:
    """On the Label page: the query and the test slice."""
    workspace = Workspace(folder / "workspace")
    project = workspace.project("photos")
    waiting = [item["id"] for item in project.queue(200)["items"]] + [item["id"] for item in slices.listed(project)]
    for kind in [kind for kind in KINDS if waiting and kind not in project.classes]:
        project.add_class(kind)
    rows = project.items.rows(waiting)
    project.annotate({item: kind_of(rows[item]["path"]) for item in waiting})
    workspace.close()


def fill_in(folder: Path) -> None:
    """The column `label` of query.csv."""
    rows = rows_of(folder / "query.csv")
    for row in rows:
        row["label"] = kind_of(row["path"])
    with (folder / "query.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


# what is done before a line is run
BY_HAND: dict[str, Callable[[Path], None]] = {
    "python -m alcore train --project photos --strategy mcdal": label_all_asked,
    "python -m alcore label --project photos --csv query.csv": fill_in,
}
TYPED = "a password of your own\n"  # by whoever is asked for one


def run(command: str, folder: Path) -> None:
    """A line as it stands but for its steps, and what a person does before it."""
    for start, by_hand in BY_HAND.items():
        if command.startswith(start):
            by_hand(folder)
    words = shlex.split(COMMAND.sub("", command))
    assert main([*words, *QUICK.get(words[0], [])]) == 0, command
    if "--out" in words:
        assert (folder / words[words.index("--out") + 1]).stat().st_size > 0


def those_with(part: str) -> list[str]:
    """The one block that has a line with this in it."""
    (found,) = [block for block in blocks() if any(part in command for command in block)]
    return found


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_every_line_is_run_or_its_reason_is_told() -> None:
    every = [command for block in blocks() for command in block]
    assert len(every) > 30
    assert {start for start in not_run() if not any(command.startswith(start) for command in every)} == set()
    assert all(len(reason) > 15 for reason in not_run().values())
    assert {start for start in BY_HAND if not any(command.startswith(start) for command in every)} == set()


def with_nothing_new(block: list[str]) -> bool:
    """Whether its lines are all run, or left out, in another block, as those of the README's top are."""
    others = {COMMAND.sub("", command) for other in blocks() if other != block for command in other}
    return len(block) == 1 and COMMAND.sub("", block[0]) in others


RUN = [block for block in blocks() if not all(map(is_left_out, block)) and not with_nothing_new(block)]


@pytest.mark.parametrize("block", RUN, ids=[block[0].split("alcore ", 1)[1][:40] for block in RUN])
def test_a_block_is_run_as_it_stands(
    block: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch.setattr)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALCORE_HOME", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(TYPED))
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    # labels by the hidden truth need one, and what is labeled by a person has none
    write_photos(tmp_path / "photos", 110, folders=any("--from-truth" in command for command in block))
    write_photos(tmp_path / "new-photos", 2, folders=False)
    photos = sorted(file.name for file in (tmp_path / "photos").rglob("*.png"))
    rows = [f"{name},p{at // 7},{'ab'[at % 2]}\n" for at, name in enumerate(photos)]
    (tmp_path / "patients.csv").write_text("path,patient,camera\n" + "".join(rows), encoding="utf-8")
    if any("new-photos" in command for command in block):  # which needs a project that has learned
        for command in those_with("--promise 0.95"):
            run(command, tmp_path)
    for command in block:
        if not is_left_out(command):
            run(command, tmp_path)
    capsys.readouterr()
    if "--promise" in block[-1]:
        told = rows_of(tmp_path / "labels.csv")
        assert len(told) == 3 * 110
        assert {row["label"] for row in told} - {""} == set(KINDS)
        right = [row["label"] == kind_of(row["path"]) for row in told if row["label"]]
        assert sum(right) / len(right) >= 0.95
    if "model.onnx" in block[-1]:
        ways = [{row["path"]: row["label"] for row in rows_of(tmp_path / name) if row["label"]} for name in ("guesses.csv", "same.csv")]
        assert ways[0].items() <= ways[1].items()  # the first leaves out what it is less sure of
        assert len(ways[1]) == 3 * 2
