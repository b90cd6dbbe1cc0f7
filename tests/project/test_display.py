"""What Jupyter shows of a project, a round, a job and scores: the true numbers, escaped, in the notebook's own colors."""

from __future__ import annotations

import base64
import dataclasses
import gc
import io
import re
import weakref
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from alcore.jobs.pace import Plan, Planned
from alcore.progress import Progress
from alcore.project import display
from alcore.project.facade import Project, Workspace
from alcore.types import Job, Round, Scores

HOSTILE = "<script>alert(1)<b>"
ROUND = Round(1, "nowhere", 3, "margin", {}, {}, 0, 50, (4, 9), {"accuracy": 0.721}, {"train": 61.0, "score": 1.5}, "cpu", "x", 1.0)
JOB = Job(7, "round", "toy", "Margin, query of 5", {}, "cpu", "running", Progress("training", 30, 120), 1.0, started=2.0)


class _Tags(HTMLParser):
    """Tags with their attributes, and that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("img", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "rect":
            assert self.open.pop() == tag


def tags(html: str | None) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(html or "")
    assert parser.open == []
    return parser.found


def words(html: str | None) -> str:
    """What a person reads, a cell a word group."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html or "")).strip()


# ---- projects


def test_a_project_tells_its_counts_classes_newest_round_and_next_step(project: Project, quick):
    assert words(project._repr_html_()) == (
        "toy 56 images · 0 labeled · 16 held out for testing classes 0, 1, 2, 3 next ask for first images: project.start(50)"
    )
    project.label_from_truth(8, seed=0)
    labels = project.counts()["labels"]
    told = words(project._repr_html_())
    assert ", ".join(f"{name} {labels[name]}" for name in project.classes).replace(" ,", ",") in told.replace(" ,", ",")
    assert told.endswith("next train and ask for 32 images: project.run_round(&#x27;mal&#x27;, query_size=32)")
    round_ = project.run_round("margin", 5, 0, "cpu", train=quick, report=lambda _: None)
    told = words(project._repr_html_())
    assert f"round 1 Margin on 8 labels, accuracy {100 * round_.metrics['accuracy']:.1f} %" in told
    assert told.endswith(f"next label the 5 images asked for: python -m alcore serve --home {project.workspace.home}")


def test_a_project_says_what_is_on_its_way_and_when_nothing_is_left(project: Project):
    project.label_from_truth(40, seed=0)
    assert words(project._repr_html_()).endswith("next nothing is left to ask for: export the labels")
    project.place.job_rows.add_job("round", project.name, "Margin", {}, "cpu", owner="elsewhere")
    assert words(project._repr_html_()).endswith("next a round is on its way")


def test_of_many_classes_the_first_are_named(workspace: Workspace, make_source, tmp_path):
    names = tuple(f"c{number:02d}" for number in range(15))
    project = Project.import_into(workspace, "many", make_source(tmp_path / "many", train=2, test=1, classes=names))
    told = words(project._repr_html_())
    assert "c10, c11 and 3 more next" in told
    assert "c12" not in told


def test_names_from_outside_stay_text(workspace: Workspace, make_source, tmp_path):
    source = make_source(tmp_path / "source", classes=(HOSTILE, "<img src=x onerror=alert(1)>"))
    project = Project.import_into(workspace, "x", source, truth="labels")
    project.name = HOSTILE  # a name is not taken with such letters; whoever writes the database could
    hostile = dataclasses.replace(JOB, title=HOSTILE, project=HOSTILE, kind=HOSTILE, error=HOSTILE, progress=Progress(HOSTILE, 1, 2))
    round_ = dataclasses.replace(ROUND, project=HOSTILE, strategy=HOSTILE, device=HOSTILE, metrics={HOSTILE: 0.5}, seconds={HOSTILE: 1.0})
    scores = Scores(np.array([1]), np.array([0.5]), {HOSTILE: np.array([0.1])}, np.array([1]))
    for shown in (project, hostile, dataclasses.replace(hostile, state=HOSTILE), round_, scores):
        html = shown._repr_html_()
        assert "&lt;script&gt;alert(1)&lt;b&gt;" in html
        assert {tag for tag, _ in tags(html)} <= {"div", "b", "span", "table", "tr", "td", "th", "code", "svg", "rect"}
        assert all(name in ("style", "width", "height", "x", "y", "fill", "opacity") for _, attrs in tags(html) for name in attrs)


# ---- rounds


def test_a_round_shows_the_images_it_asks_for_as_they_are(project: Project, quick):
    project.label_from_truth(8, seed=0)
    round_ = project.run_round("margin", 14, 0, "cpu", train=quick, report=lambda _: None)
    html = round_._repr_html_()
    pictures = [attrs for tag, attrs in tags(html) if tag == "img"]
    assert len(pictures) == 12
    rows = project.items.rows(round_.query)
    for shown, item in zip(pictures, round_.query, strict=False):
        kind, _, text = str(shown["src"]).partition(";base64,")
        assert kind == "data:image/png"
        picture = Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")
        np.testing.assert_array_equal(np.asarray(picture), project.pixels()[rows[item]["row"]])
        assert shown["title"] == project.shown_name(item, rows[item]["path"])
    told = words(html)
    assert told.startswith("Round 1: Margin toy · 8 labels accuracy ")
    assert "asks for 14 images" in told
    assert told.endswith("and 2 more")


def test_a_round_whose_project_cannot_be_reached_shows_the_rest():
    assert words(ROUND._repr_html_()) == (
        "Round 3: Margin nowhere · 50 labels accuracy 72.1 % time 1 min 02 s on cpu (train 1 min 01 s, score 1.5 s) asks for 2 images"
    )


def test_rounds_of_one_name_in_two_workspaces_show_their_own_images(make_source, tmp_path):
    homes = []
    for name, classes in (("one", ("0", "1")), ("two", ("2", "3"))):
        workspace = Workspace(tmp_path / name)
        project = Project.import_into(workspace, "toy", make_source(tmp_path / f"of-{name}", classes=classes))
        homes.append((workspace, project, project.start(3, seed=len(homes))))
    shown = [[attrs["src"] for tag, attrs in tags(round_._repr_html_()) if tag == "img"] for *_, round_ in homes]
    for (_, project, round_), sources in zip(homes, shown, strict=True):
        alone = display._thumbnails(project, round_.query)
        assert sources == [attrs["src"] for _, attrs in tags(alone) if "src" in attrs]
        assert len(sources) == 3
    assert shown[0] != shown[1]
    for workspace, *_ in homes:
        workspace.close()
    assert [tag for tag, _ in tags(homes[0][2]._repr_html_()) if tag == "img"] == []


def test_a_first_query_and_a_picture_that_is_gone(project: Project, digits_source):
    round_ = project.start(4, seed=0)
    (digits_source / project.items.row(round_.query[1])["path"]).unlink()
    html = round_._repr_html_()
    assert words(html).startswith("Round 0: first images, at random toy · 0 labels asks for 4 images")
    assert len([tag for tag, _ in tags(html) if tag == "img"]) == 3


# ---- jobs


def test_a_running_job_shows_how_far_it_is_and_how_long_it_may_take(workspace: Workspace, project: Project, monkeypatch):
    seen, now = [], [0.0]
    runner = workspace.runner
    monkeypatch.setattr(runner, "_clock", lambda: now[0])
    monkeypatch.setattr(runner, "_plan", lambda job: Plan((Planned("half", 10.0), Planned("rest", 10.0)), measured=True))

    def half(job, report):
        for done in range(1, 6):
            now[0] = 2.0 * done
            report(Progress("half", done, 10))
        seen.append((job, runner.eta_seconds(job), job._repr_html_()))
        return {}

    monkeypatch.setitem(runner._kinds, "half", half)
    ended = runner.run_now("half", project.name, "Half of it", {})
    job, left, html = seen[0]
    assert words(html).startswith(f"Job {job.id}: Half of it toy · half state running: ")
    assert words(html).endswith(f" %, half, {left:.0f} s left")
    width = float(re.search(r"width:([\d.]+)%", html).group(1))
    assert 20 <= width <= 30  # half of the first of two stages alike
    # a value of before is shown as the job is by now
    assert words(job._repr_html_()).startswith(f"Job {job.id}: Half of it toy · half state done after ")
    assert ended.state == "done"
    assert "currentColor" not in ended._repr_html_()  # no bar


def test_a_job_of_nowhere_shows_what_it_holds():
    assert words(JOB._repr_html_()) == "Job 7: Margin, query of 5 toy · round state running: 25 %, training"
    assert "width:25.0%" in JOB._repr_html_()
    failed = dataclasses.replace(JOB, state="failed", finished=5.0, error="too little memory: use smaller batches")
    assert words(failed._repr_html_()) == (
        "Job 7: Margin, query of 5 toy · round state failed after 3.0 s error too little memory: use smaller batches"
    )


def test_showing_keeps_nothing_open(tmp_path):
    workspace = Workspace(tmp_path / "home")
    assert workspace.runner.jobs() == []
    gone = weakref.ref(workspace)
    workspace.close()
    del workspace
    gc.collect()
    assert gone() is None


# ---- scores


def test_scores_show_the_first_of_the_query_and_how_all_are_spread():
    ids = np.arange(100)
    total = np.linspace(0, 1, 100)
    html = Scores(ids, total, {"margin": 1 - total}, ids[::-1][:10].copy())._repr_html_()
    told = words(html)
    assert told.startswith("Scores 100 scored · 10 asked for total from 0 to 1 id total margin 99 1 0 98 0.9899 0.0101 97 ")
    assert len([tag for tag, _ in tags(html) if tag == "tr"]) == 1 + 8
    heights = [float(str(attrs["height"])) for tag, attrs in tags(html) if tag == "rect"]
    counts = np.histogram(total, bins=24)[0]
    np.testing.assert_allclose(heights, 40 * counts / counts.max(), atol=0.05)


def test_nothing_scored_is_shown_too():
    nothing = Scores(np.empty(0, np.int64), np.empty(0), {}, np.empty(0, np.int64))
    assert words(nothing._repr_html_()) == "Scores 0 scored · 0 asked for total from 0 to 0 id total"


# ---- looks


@pytest.mark.parametrize("shown", [ROUND, JOB])
def test_colors_are_those_of_the_notebook(shown):
    """No color of its own for letters, and no ground that is not see-through."""
    html = shown._repr_html_()
    assert set(re.findall(r"background:([^;']+)", html)) <= {"none", "currentColor", display.LINE}
    assert set(re.findall(r"[^-]color:([^;']+)", html)) <= {"inherit"}
