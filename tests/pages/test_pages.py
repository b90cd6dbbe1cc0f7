"""Every page, run headless (AppTest), in every state a project can be in: no exception, the words a person needs, what the buttons store.

Longer than 400 lines: the project states are made once for all pages.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.proto.Metric_pb2 import Metric as MetricProto
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Node

from alcore.errors import BadInput
from alcore.jobs.processes import process_name
from alcore.nets.tasks import RECIPES, TASKS
from alcore.params import TrainParams, words_for
from alcore.project import facade as workspaces
from alcore.project import labeling, predictions
from alcore.project.facade import Project, Workspace
from alcore.strategies import STRATEGIES
from alcore.training.explain import info
from pages.ui.forms import in_titles
from pages.ui.session import several
from tests.pages.headless import button, ended, field, press, ran, show, wait, words

PAGES = ("data", "train", "label", "explore", "progress")
TOYS = ("cross", "disc", "ring")
QUICK = {"steps": 20, "batch_size": 8}
LONG = "a very long class name that goes on and on, with (brackets), 100 % and *stars*"


# ---- projects, made once


def write_png(path: Path, kind: int, rng: np.random.Generator) -> None:
    """8x8, dark noise with one bright quadrant."""
    pixels = rng.integers(0, 60, (8, 8))
    y, x = divmod(kind % 4, 2)
    pixels[4 * y : 4 * y + 4, 4 * x : 4 * x + 4] += 150
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def class_folders(folder: Path, *classes: str, train: int = 8, test: int = 3) -> Path:
    rng = np.random.default_rng(7)
    for split, count in (("train", train), ("test", test)):
        for kind, name in enumerate(classes):
            for number in range(count):
                write_png(folder / split / name / f"{number:02d}.png", kind, rng)
    return folder


def unlabeled_source(folder: Path, count: int) -> Path:
    rng = np.random.default_rng(1)
    for number in range(count):
        write_png(folder / f"IMG_{number:03d}.PNG", number, rng)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with a project in each state; nothing but the tests that say so changes it."""
    folder = tmp_path_factory.mktemp("pages")
    home = folder / "home"
    opened = workspaces.shared(home)
    toys = class_folders(folder / "toys", *TOYS)
    Project.create("new", toys, home)
    Project.create("flat", unlabeled_source(folder / "flat", 9), home)
    Project.create("one", class_folders(folder / "one", "only"), home)
    untested = Project.create("untested", toys / "train", home, hold_out=0.0)
    untested.label_from_truth(9, seed=0)
    untested.run_round("margin", 5, train=QUICK, report=lambda progress: None)
    trained = Project.create("trained", toys, home)
    trained.label_from_truth(9, seed=0)
    trained.run_round("mal", 5, train=QUICK, report=lambda progress: None)
    done = Project.create("done", toys, home)
    done.start(24, "random")
    done.label_query_from_truth()
    source = class_folders(folder / "many", *(f"{LONG} {i}" for i in range(200)), train=2, test=1)
    many = Project.create("many", source, home)
    many.label_from_truth(300, seed=0)
    many.run_round("entropy", 30, train=QUICK, report=lambda progress: None)
    few = Project.create("few", toys, home)
    few.label_from_truth(21, seed=0)
    yield home
    opened.close()


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The pages see this workspace."""
    monkeypatch.setenv("ALCORE_HOME", str(home))
    return workspaces.shared(home)


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "toys", *TOYS)


@pytest.fixture
def toy(fresh: Workspace, toys: Path) -> Project:
    """A project of the test's own, nothing labeled: 24 images in the pool, 9 for testing."""
    return Project.create("toy", toys)


def component(at: AppTest) -> dict[str, object]:
    """The arguments of the page's browser part."""
    parts: list[Node | Block] = [node for node in at.main if getattr(node, "type", "") == "bidi_component"]
    assert len(parts) == 1
    return dict(json.loads(parts[0].proto.json))


# ---- every page in every state

EMPTY = {
    "data": [
        "alcore finds the images worth labeling",
        "**Progress** tells whether",
        "Start here",
        "Try the bundled digits",
        "Folder, CSV or array file",
        "Import",
    ],
    "train": ["No project yet", "Import images"],
    "label": ["No project yet", "Import images"],
    "explore": ["No project yet", "Import images"],
    "progress": ["No project yet", "Import images"],
}
WORDS: dict[str, dict[str, list[str]]] = {
    "new": {
        "data": ["33", "24", "Held out for testing", "class folders", "Manage", "New project"],
        "train": ["Nothing is labeled yet", "Ask for these", "Label 24 from the hidden truth", "Label some images first.", "No jobs yet."],
        "label": ["Nothing was asked for yet", "Ask for 24 at random", "Ask for 24 spread over the pixels"],
        "explore": ["No map yet", "Train a round"],
        "progress": ["No rounds yet", "Train a round"],
    },
    "flat": {
        "data": ["a folder of unlabeled images", "no classes yet; labeling and training need at least two", "No classes yet"],
        "train": ["Nothing is labeled yet", "Ask for these"],
        "label": ["Classes first", "This project has no classes; labeling needs two", "Add classes"],
        "explore": ["No map yet"],
        "progress": ["No rounds yet"],
    },
    "one": {
        "data": ["one class yet; labeling and training need at least two"],
        "train": ["Nothing is labeled yet"],
        "label": ["Classes first", "This project has one class; labeling needs two"],
        "explore": ["No map yet"],
        "progress": ["No rounds yet"],
    },
    "untested": {
        "data": ["no labeled test images, so accuracy cannot be measured"],
        "train": ["Trains on 9 labels.", "Past jobs"],
        "label": ["Label", "View"],
        "explore": ["Round 1: Margin, 9 labels"],
        "progress": ["Labels", "37.5 %", "Class balance of the labels"],
    },
    "trained": {
        "data": ["Labeled", "9"],
        "train": ["Trains on 9 labels", "Past jobs", "Log of job"],
        "label": ["Label", "View"],
        "explore": ["Round 1: MAL, 9 labels", "Color by", "How the scores are spread", "**Entropy**", "**Looks labeled**"],
        "progress": ["Accuracy", "37.5 %", "Rounds with a model", "Class balance of the labels"],
    },
    "done": {
        "data": ["Labeled", "24"],
        "train": ["No round to start", "Every image of the pool is labeled or skipped"],
        "label": ["This query is done.", "Train the next round"],
        "explore": ["No map yet"],
        "progress": ["100.0 %", "Share of the pool"],
    },
    "many": {
        "data": ["200", "The first 12 of 200 classes."],
        "train": ["Trains on 300 labels."],
        "label": ["Label", "View"],
        "explore": ["Round 1: Entropy, 300 labels"],
        "progress": ["75.0 %", "Class balance of the labels"],
    },
    "few": {
        "data": ["Labeled", "21"],
        "train": ["Trains on 21 labels."],
        "label": ["Ask for 24 at random"],
        "explore": ["No map yet"],
        "progress": ["No rounds yet"],
    },
}


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_workspace_says_what_to_do(fresh: Workspace, page: str) -> None:
    said = words(show(page))
    assert [word for word in EMPTY[page] if word not in said] == []


def test_one_can_learn_without_a_project(fresh: Workspace) -> None:
    said = words(show("learn"))
    assert "Points in place of images" in said
    assert "Import images" not in said


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("state", WORDS)
def test_every_page_shows_every_state_in_words(here: Workspace, state: str, page: str) -> None:
    at = show(page, state)
    said = words(at)
    assert [word for word in WORDS[state][page] if word not in said] == []
    assert at.sidebar.selectbox[0].value == state
    assert re.findall(r"Traceback|Error\b|\bNone\b|nan\b|class\(es\)|<[a-z]+ object", said) == []


@pytest.mark.parametrize(("page", "label", "leads"), [("train", "Import images", "Start here"), ("label", "Import images", "Start here")])
def test_an_empty_page_leads_to_the_data_page(fresh: Workspace, page: str, label: str, leads: str) -> None:
    assert leads in words(press(show(page), label))


@pytest.mark.parametrize("page", ["explore", "progress"])
def test_pages_without_a_round_lead_to_training(here: Workspace, page: str) -> None:
    assert "Nothing is labeled yet" in words(press(show(page, "new"), "Train a round"))


# ---- sidebar


def test_the_project_picker_switches_every_page(here: Workspace) -> None:
    at = show("data", "new")
    at.sidebar.selectbox[0].select("flat")
    ran(at)
    assert "a folder of unlabeled images" in words(at)
    assert at.query_params["project"] == "flat"
    at.switch_page("label.py")
    assert "Classes first" in words(ran(at))


def test_an_unknown_project_in_the_address_gives_the_first(here: Workspace) -> None:
    assert show("data", "no such project").sidebar.selectbox[0].value == "done"


def test_labels_are_signed_with_the_name_in_the_sidebar(here: Workspace) -> None:
    at = show("label", "trained")
    granted = here.verify(str(component(at)["token"]))
    assert granted is not None
    assert (granted.project, granted.annotator) == ("trained", "me")
    at.sidebar.text_input[0].set_value("  Anna B. ")
    ran(at)
    shown = component(at)
    granted = here.verify(str(shown["token"]))
    assert granted is not None
    assert (granted.annotator, shown["annotator"]) == ("Anna B.", "Anna B.")
    at.switch_page("data.py")
    ran(at)
    at.switch_page("label.py")
    assert component(ran(at))["annotator"] == "Anna B."


# ---- Data


def test_the_bundled_digits_are_one_click(fresh: Workspace, monkeypatch: pytest.MonkeyPatch, toys: Path) -> None:
    monkeypatch.setattr("alcore.importing.samples.bundled_digits", lambda: toys)
    at = press(show("data"), "Try the bundled digits")
    job = fresh.runner.jobs()[0]
    assert (job.kind, job.project, ended(fresh, job.id).state) == ("import", "digits", "done")
    assert ran(at).sidebar.selectbox[0].value == "digits"


def import_by_form(at: AppTest, source: object, name: str | None = None, *, classes: str = "", truth: str = "hidden") -> AppTest:
    at.text_input(key="new.source").set_value(str(source))
    ran(at)
    if name is not None:
        field(at, "Name of the project").set_value(name)
    field(at, "Classes, where the source does not name them").set_value(classes)
    at.radio[0].set_value(truth)
    return press(at, "Import")


def test_classes_come_in_under_other_names_after_they_were_shown(fresh: Workspace, toys: Path) -> None:
    at = show("data")
    at.text_input(key="new.source").set_value(str(toys))
    names = sorted({folder.name for folder in toys.glob("*/*") if folder.is_dir()})
    ran(at).text_area[0].set_value(names[0])
    assert [error.value for error in ran(at).error] == [
        f"{names[0]!r} renames nothing: write the names, =, and their class, as in: kitty, Cat = cat"
    ]
    at.text_area[0].set_value(f"{names[0]}, {names[1]} = both")
    said = words(ran(at))
    assert f"{names[0]!r} and {names[1]!r} are one class here, 'both'" in said
    field(at, "Name of the project").set_value("joined")
    press(at, "Import")
    ended(fresh, fresh.runner.jobs("joined")[0].id)
    assert fresh.project("joined").classes == ("both", names[2])


def test_an_import_takes_what_the_form_says_and_opens_the_project(fresh: Workspace, toys: Path) -> None:
    at = show("data")
    at.text_input(key="new.source").set_value(str(toys))
    said = words(ran(at))
    assert "Read as class folders below train, test: 3 classes, 33 images." in said
    import_by_form(at, toys, truth="labels")
    job = fresh.runner.jobs()[0]
    assert (job.project, ended(fresh, job.id).state) == ("toys", "done")
    assert ran(at).sidebar.selectbox[0].value == "toys"
    made = fresh.project("toys")
    assert (made.classes, made.counts()["labeled"]) == (TOYS, 24)


def test_classes_are_named_for_images_without_labels(fresh: Workspace, tmp_path: Path) -> None:
    at = import_by_form(show("data"), unlabeled_source(tmp_path / "photos", 5), "my photos", classes="cat, dog,, cat")
    assert ended(fresh, fresh.runner.jobs()[0].id).state == "done"
    assert fresh.project("my photos").classes == ("cat", "dog")
    assert "my photos" in words(ran(at))


def bad_sources(folder: Path) -> dict[str, tuple[Path, str, str]]:
    """name -> (source, what the form says at once, how the import ends)."""
    (folder / "empty").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "zero.png").write_bytes(b"")
    (folder / "broken" / "text.jpg").write_text("no image")
    unlabeled_source(folder / "listed", 2)
    (folder / "listed" / "no_label.csv").write_text("width,height\n3,4\n")
    (folder / "objects.npz").write_bytes(b"")
    np.savez(folder / "objects.npz", x_train=np.array([{}, {}], object), y_train=np.array([0, 1]))
    return {
        "missing": (folder / "nowhere", "There is no", None),
        "empty": (folder / "empty", "holds no images", None),
        "broken": (folder / "broken", "Read as a folder of unlabeled images: 2 images", "none of its 2 images can be read"),
        "no_label": (folder / "listed" / "no_label.csv", "lacks the columns path and label; it has width, height", None),
        "objects": (folder / "objects.npz", "is an array of Python objects", None),
    }


@pytest.mark.parametrize("name", ["missing", "empty", "broken", "no_label", "objects"])
def test_what_cannot_be_imported_is_said_in_plain_words(fresh: Workspace, tmp_path: Path, name: str) -> None:
    """At once where that can be told before anything is decoded: nothing is started then."""
    source, at_once, at_the_end = bad_sources(tmp_path)[name]
    at = show("data")
    at.text_input(key="new.source").set_value(str(source))
    assert at_once in words(ran(at))
    import_by_form(at, source, "hopeless")
    assert at_once in words(at)
    if at_the_end is None:
        assert fresh.runner.jobs() == []
        return
    assert ended(fresh, fresh.runner.jobs()[0].id).state == "failed"
    ran(at)
    [message] = [error.value for error in at.error]
    assert message.startswith("hopeless was not imported: ")
    assert at_the_end in message
    assert fresh.projects() == []
    assert "Start here" in words(at)


def test_nothing_is_imported_without_a_source_or_under_a_name_that_is_taken(here: Workspace, tmp_path: Path) -> None:
    jobs = len(here.runner.jobs())
    at = press(press(show("data", "new"), "New project"), "Import")
    assert [error.value for error in at.error] == ["give a folder, a file or an address, and a name for the project first"]
    import_by_form(at, unlabeled_source(tmp_path / "photos", 2), "flat")
    assert [error.value for error in at.error] == ["a project 'flat' exists already: choose another name"]
    assert len(here.runner.jobs()) == jobs


def test_the_form_for_a_new_project_opens_beside_others_and_closes_again(here: Workspace) -> None:
    at = press(show("data", "new"), "New project")
    assert "Try the bundled digits" in words(at)
    assert "Manage" not in words(at)
    press(at, "Back")
    assert "Manage" in words(at)
    press(at, "New project")
    at.sidebar.selectbox[0].select("flat")
    assert "a folder of unlabeled images" in words(ran(at))
    at.sidebar.selectbox[0].select("new")
    assert "Manage" in words(ran(at))


def test_a_failed_import_leaves_the_form_open_with_its_reason(toy: Project, tmp_path: Path) -> None:
    source = bad_sources(tmp_path)["broken"][0]
    at = import_by_form(press(show("data"), "New project"), source, "hopeless")
    ended(toy.workspace, toy.workspace.runner.jobs("hopeless")[0].id)
    for _ in range(2):  # it stays until the form is left
        assert "none of its 2 images can be read" in ran(at).error[0].value
        assert at.text_input(key="new.source").value == str(source)
    press(at, "Back")
    assert list(at.error) == []
    assert "Manage" in words(at)


def test_a_name_that_cannot_be_used_is_refused(fresh: Workspace, tmp_path: Path) -> None:
    at = import_by_form(show("data"), unlabeled_source(tmp_path / "photos", 2), "../up")
    assert ended(fresh, fresh.runner.jobs()[0].id).state == "failed"
    assert "cannot be a project's name" in ran(at).error[0].value


def test_files_set_aside_are_listed_with_reasons(fresh: Workspace, toys: Path) -> None:
    (toys / "train" / "disc" / "zero.png").write_bytes(b"")
    Project.create("toy", toys)
    at = show("data")
    assert "Set aside (1)" in words(at)
    [table] = [frame.value for frame in at.dataframe if "reason" in frame.value]
    assert (table["file"].tolist(), "empty" in table["reason"][0]) == (["train/disc/zero.png"], True)


def test_a_class_is_added_and_a_second_one_of_the_name_is_not(toy: Project) -> None:
    at = show("data")
    field(at, "Add a class").set_value("  triangle ")
    press(at, "Add")
    assert toy.workspace.project("toy").classes == (*TOYS, "triangle")
    field(at, "Add a class").set_value("triangle")
    press(at, "Add")
    assert [error.value for error in at.error] == ["cannot add class 'triangle': it is empty or there already"]


def test_a_project_is_deleted_only_under_its_typed_name(toy: Project) -> None:
    at = show("data")
    assert button(at, "Delete").disabled
    field(at, "Delete the project").set_value("to")
    assert button(ran(at), "Delete").disabled
    field(at, "Delete the project").set_value("toy")
    ran(at)
    press(at, "Delete")
    assert toy.workspace.projects() == []
    assert "Start here" in words(at)
    assert not toy.folder.exists()


def test_reading_the_source_again_finds_what_is_new(toy: Project, toys: Path) -> None:
    write_png(toys / "train" / "star" / "0.png", 3, np.random.default_rng(5))
    at = press(show("data"), "Read it again")
    job = toy.workspace.runner.jobs()[0]
    assert ended(toy.workspace, job.id).state == "done"
    ran(at)
    again = toy.workspace.project("toy")
    assert (again.classes, again.counts()["items"]) == ((*TOYS, "star"), 34)


# ---- Train


def test_the_first_query_is_drawn_as_the_form_says(toy: Project) -> None:
    at = show("train")
    next(n for n in at.number_input if n.label == "Images").set_value(7)
    next(g for g in at.button_group if g.label == "Chosen").set_value("kcenter")
    press(at, "Ask for these")
    first = toy.round()
    assert (first.strategy, len(first.query), labeling.waiting(toy)) == ("start:kcenter", 7, 7)
    assert component(at)["round"] == 0  # the Label page


@pytest.mark.parametrize(("label", "how"), [("Ask for 24 at random", "random"), ("Ask for 24 spread over the pixels", "kcenter")])
def test_the_label_page_starts_a_query_too(toy: Project, label: str, how: str) -> None:
    at = press(show("label"), label)
    assert (toy.round().strategy, labeling.waiting(toy)) == (f"start:{how}", 24)
    assert (component(at)["round"], component(at)["classes"]) == (0, list(TOYS))


def test_the_hidden_truth_labels_what_is_asked_for(toy: Project) -> None:
    at = press(show("train"), "Label 24 from the hidden truth")
    assert toy.counts()["labels"] == {"cross": 8, "disc": 8, "ring": 8}
    assert "Nothing is labeled yet" not in words(at)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_form_has_every_parameter_with_help_and_source(here: Workspace, strategy: str) -> None:
    at = show("train", "trained")
    at.button_group(key="strategy").set_value(strategy)
    ran(at)
    number = here.project("trained").id
    widgets = {w.key: w for w in (*at.number_input, *at.selectbox, *at.toggle, *at.text_input)}
    for kind, prefix in ((STRATEGIES[strategy].Params, strategy), (TrainParams, "train")):
        for spec in dataclasses.fields(kind):
            if spec.name in ("query_unit", "region_count", "extractor"):  # of masks, and of pretrained features, only
                assert f"{prefix}.{number}.small_cnn.{spec.name}" not in widgets
                continue
            widget = widgets[f"network.{number}" if spec.name == "architecture" else f"{prefix}.{number}.small_cnn.{spec.name}"]
            assert spec.metadata["help"] in widget.help
            assert f"Source: {spec.metadata['source']}" in widget.help
            assert widget.label == spec.metadata["title"]
            assert widget.value == (here.project("trained").settings["flip"] if spec.name == "flip" else spec.default)
            if spec.metadata["choices"]:
                offered = TASKS[here.project("trained").task].architectures if spec.name == "architecture" else spec.metadata["choices"]
                assert widget.options == [words_for(spec, choice) for choice in offered]
            elif isinstance(spec.default, int | float) and not isinstance(spec.default, bool):
                assert (widget.min, widget.max) == (spec.metadata["low"], spec.metadata["high"])
    said = words(at)
    assert STRATEGIES[strategy].paper in said
    assert re.findall(r"\b(?:official|score)_[a-z_]+\b", said) == []  # told by their titles


def submit(at: AppTest, project: Project, **values: int) -> AppTest:
    for name, value in values.items():
        at.number_input(key=f"{name}.{project.id}" if name == "query_size" else f"train.{project.id}.small_cnn.{name}").set_value(value)
    return press(at, "Start")


def test_a_round_is_submitted_with_what_the_form_says_and_leads_to_its_query(toy: Project) -> None:
    toy.label_from_truth(9)
    at = show("train")
    at.button_group(key="strategy").set_value("mcdal")
    ran(at)
    at.selectbox(key=f"mcdal.{toy.id}.small_cnn.heads").set_value(4)
    next(n for n in at.number_input if n.label == "Seed").set_value(5)
    submit(at, toy, query_size=6, steps=3, batch_size=8)
    [job] = toy.workspace.runner.jobs("toy")
    assert (job.kind, job.device, job.title) == ("round", "cpu", "MCDAL, query of 6")
    arguments = dict(job.arguments)
    assert (arguments.pop("train"), arguments.pop("params")) == ({"flip": toy.settings["flip"], "steps": 3, "batch_size": 8}, {"heads": 4})
    assert arguments == {"strategy": "mcdal", "query_size": 6, "seed": 5, "device": "cpu", "task": "classification"}
    assert ended(toy.workspace, job.id).state == "done"
    made = toy.round()
    assert (made.strategy, made.seed, len(made.query), made.train["steps"]) == ("mcdal", 5, 6, 3)
    ran(at)
    assert f"Round {made.number} is ready" in words(at)
    assert at.number_input(key=f"train.{toy.id}.small_cnn.steps").value == 3  # kept for the next round
    press(at, "Label the query")
    assert component(at)["round"] == made.number


def test_the_recommended_round_is_one_button_that_does_what_it_says(toy: Project) -> None:
    at = show("train")
    assert [b.label for b in at.button if b.label == "Start this"] == []  # nothing to train on: the first query comes first
    assert button(at, "Start").disabled
    assert button(at, "Start").help == "Label some images first."
    toy.label_from_truth(9)
    at = show("train")
    said = words(at)
    assert "**MAL, 15 images.** Trains on 9 labels and then asks for the 15 images it would learn most from. Why MAL: it asks" in said
    assert [e.label for e in at.expander][:1] == ["Choose yourself"]
    assert not at.expander[0].proto.expanded
    press(at, "Start this")
    [job] = toy.workspace.runner.jobs("toy")
    assert {key: job.arguments[key] for key in ("strategy", "query_size", "seed", "params", "train")} == {
        "strategy": "mal",
        "query_size": 15,
        "seed": 0,
        "params": {},
        "train": {"flip": toy.settings["flip"]},
    }
    toy.workspace.runner.cancel(job.id)
    ended(toy.workspace, job.id)


def test_what_was_changed_is_said_in_the_words_of_the_form(toy: Project) -> None:
    toy.label_from_truth(9)
    at = show("train")
    at.selectbox(key=f"mal.{toy.id}.small_cnn.rule").set_value("ranksum")
    at.toggle(key=f"mal.{toy.id}.small_cnn.init_from_f").set_value(False)
    at.number_input(key=f"train.{toy.id}.small_cnn.batch_size").set_value(8)
    said = words(ran(at))
    assert (
        "Trains on 9 labels, with How both criteria are joined sum of both ranks, Start the task model from F off, Images a step 8." in said
    )
    assert [c.value for c in at.caption if re.search(r"\b[a-z]+_[a-z_]+\b", c.value)] == []


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("steps=2.5: use a whole number", "“Steps: 2.5”: use a whole number"),
        (
            "so it cannot ask for tiles: use query_unit=frames, or one of mal",
            "so it cannot ask for tiles: use “Ask for: whole images”, or one of mal",
        ),
        ("use architecture=small_cnn, or import with --image-size 32", "use “Network: Small CNN”, or import with --image-size 32"),
        ("learning_rate_f='fast': use a number", "“Learning rate of the features, F: fast”: use a number"),
        ("a folder with steps = 3 in its name", "a folder with steps = 3 in its name"),
    ],
)
def test_messages_name_a_parameter_as_its_form_does(message: str, shown: str) -> None:
    assert in_titles(message) == shown


def test_an_error_of_a_form_names_the_field_by_its_title(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object, **named: object) -> None:
        raise BadInput("strategy coreset has no score of single pixels: use query_unit=frames")

    monkeypatch.setattr(Project, "submit_round", refuse)
    assert [e.value for e in press(show("train", "few"), "Start").error] == [
        "strategy coreset has no score of single pixels: use “Ask for: whole images”"
    ]


def test_a_query_larger_than_the_pool_takes_what_is_left(toy: Project) -> None:
    toy.label_from_truth(21)
    at = show("train")
    assert at.number_input(key=f"query_size.{toy.id}").value == 3
    submit(at, toy, query_size=500, steps=2, batch_size=8)
    assert ended(toy.workspace, toy.workspace.runner.jobs("toy")[0].id).state == "done"
    assert len(toy.round().query) == 3


def test_one_labeled_class_is_refused_in_plain_words(here: Workspace) -> None:
    one = here.project("one")
    one.label_from_truth(3)
    at = press(show("train", "one"), "Start")
    [message] = [error.value for error in at.error]
    assert "class" in message
    assert here.runner.jobs("one") == []


def test_bad_weights_are_told_and_nothing_is_stored(toy: Project) -> None:
    toy.label_from_truth(9)
    at = show("train")
    at.text_input(key=f"train.{toy.id}.small_cnn.weights").set_value("no/such/file.pt")
    said = [error.value for error in press(at, "Start").error]  # it may be over already, and is told once
    job = ended(toy.workspace, toy.workspace.runner.jobs("toy")[0].id)
    assert job.state == "failed"
    assert (said or [error.value for error in ran(at).error]) == [job.error]
    assert "no/such/file.pt" in str(job.error)
    assert toy.rounds() == []


def test_a_running_round_is_shown_live_and_cancelled_from_the_page(toy: Project) -> None:
    toy.label_from_truth(9)
    at = submit(show("train"), toy, steps=1_000_000, batch_size=8)
    job = toy.workspace.runner.jobs("toy")[0]
    wait(lambda: "images_per_second" in toy.workspace.runner.snapshot(job.id).progress.values)
    said = words(ran(at))
    assert [
        word for word in ("MAL, query of 15", "Running for", "Images a second", "Cancel", "Queue it", "Queue this") if word not in said
    ] == []
    press(at, "Cancel")
    assert ended(toy.workspace, job.id).state == "cancelled"
    assert "stopped in training" in words(ran(at))
    assert not button(at, "Resume").disabled
    assert toy.rounds() == []


def test_an_interrupted_job_is_shown_and_resumed(toy: Project) -> None:
    toy.label_from_truth(9)
    arguments = {"strategy": "random", "query_size": 4, "seed": 1, "device": "cpu", "params": {}, "train": {"steps": 2, "batch_size": 8}}
    table = toy.workspace.job_rows
    job = table.add_job("round", "toy", "Random, query of 4", arguments, "cpu", owner="1:1")
    toy.workspace.runner.start()  # finds it running under a process that is gone
    at = show("train")
    assert "interrupted" in at.dataframe[0].value["state"].tolist()
    press(at, "Resume")
    assert ended(toy.workspace, job.id).state == "done"
    assert (toy.round().strategy, len(toy.round().query)) == ("random", 4)
    assert "Resume" not in [b.label for b in ran(at).button]


def test_a_round_that_waits_for_another_process_says_for_which(toy: Project) -> None:
    toy.label_from_truth(9)
    runner, table = toy.workspace.runner, toy.workspace.job_rows
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        theirs = table.add_job("round", "elsewhere", "MCDAL, query of 50", {}, "cpu", owner=process_name(other.pid))
        at = submit(show("train"), toy, steps=2, batch_size=8)
        [mine] = runner.jobs("toy")
        wait(lambda: runner.snapshot(mine.id).progress.stage == "waiting for the device cpu")
        said = f"Waiting for the device cpu: job {theirs.id}, 'MCDAL, query of 50' of elsewhere, is running in process {other.pid}."
        assert said in words(ran(at))
        table.finish_job(theirs.id, "done")
        assert ended(toy.workspace, mine.id).state == "done"
        other.communicate(b"\n")


# ---- Label, Explore, Progress


def test_the_labeler_gets_the_newest_query_and_its_view(here: Workspace) -> None:
    at = show("label", "trained")
    shown = component(at)
    assert (shown["project"], shown["round"], shown["mode"]) == ("trained", here.project("trained").round().number, "single")
    at.button_group(key="view").set_value("grid")
    assert component(ran(at))["mode"] == "grid"


@pytest.mark.parametrize("state", ["trained", "untested", "many"])
def test_every_score_of_a_round_has_its_histogram_and_its_words(here: Workspace, state: str) -> None:
    of = here.project(state)
    round_ = of.round()
    at = show("explore", state)
    charts = [node.proto.id for node in at.main if node.type == "plotly_chart"]
    scores = list(of.files(round_).scores)
    assert [name for name in scores if not any(f"histogram.{name}" in chart for chart in charts)] == []
    assert len(charts) == len(scores)
    told = {node.value.strip("*"): node.proto.help for node in at.markdown if node.value.startswith("**")}
    for about in (info(name, round_.strategy) for name in scores):
        assert told[about.title] == f"{about.help} {'Low' if about.wanted == 'low' else 'High'} values are wanted."


def test_the_selection_is_sorted_as_asked(here: Workspace) -> None:
    at = show("explore", "trained")
    assert component(at)["order"] == "most"
    for order in ("least", "name"):
        at.selectbox(key="explore.order").set_value(order)
        assert component(ran(at))["order"] == order


def test_the_map_is_colored_by_what_was_chosen(here: Workspace) -> None:
    at = show("explore", "trained")
    assert component(at)["color"] == "total"
    chooser = at.selectbox(key="explore.color")
    assert {"Priority", "Entropy", "Looks labeled", "Prediction", "Label"} <= set(chooser.options)
    chooser.set_value("label")
    shown = component(ran(at))
    assert (shown["color"], shown["round"], shown["classes"]) == (
        "label",
        here.project("trained").round().number,
        list(TOYS),
    )


def test_progress_tabulates_what_the_rounds_measured(here: Workspace) -> None:
    trained = here.project("trained")
    made = trained.round()
    at = show("progress", "trained")
    table = at.dataframe[0].value
    row = table.iloc[-1]
    assert (row["query by"], row["labels"], row["queried"], row["accuracy"]) == ("MAL", 9, 5, 100 * made.metrics["accuracy"])
    assert f"{100 * made.metrics['accuracy']:.1f} %" in words(at)


def give_round(project: Project, strategy: str, labeled: int, accuracy: float) -> None:
    """A stored round of that outcome, as if it had been trained."""
    metrics = {"accuracy": accuracy, "balanced_accuracy": accuracy / 2, "loss": 1.0}
    project.round_rows.add(strategy, [], seed=0, labeled=labeled, device="cpu", seconds={"train": 2.0}, metrics=metrics)


def headline(at: AppTest) -> tuple[str, str, str]:
    shown = next(m for m in at.metric if m.label == "Accuracy")
    return shown.value, shown.delta, MetricProto.MetricColor.Name(shown.proto.color)


def test_the_headline_compares_with_the_round_before_whichever_strategy_it_was(toy: Project) -> None:
    """9 test images: an interval is 27 points or more to either side."""
    give_round(toy, "mal", 6, 0.1)
    assert headline(show("progress", "toy")) == ("10.0 %", "", "GRAY")
    give_round(toy, "margin", 9, 0.9)
    at = show("progress", "toy")
    assert headline(at) == ("90.0 %", "+80.0 points", "GREEN")
    assert "Measured on 9 test images: the 95 % interval is" in words(at)
    assert "noise" not in words(at)
    give_round(toy, "mal", 12, 0.2)
    at = show("progress", "toy")
    assert headline(at) == ("20.0 %", "-70.0 points", "RED")
    assert at.metric[0].proto.delta_description == "since round 2, 3 labels ago"
    give_round(toy, "bald", 12, 0.3)
    at = show("progress", "toy")
    assert headline(at) == ("30.0 %", "+10.0 points", "GRAY")
    assert at.metric[0].proto.delta_description == "since round 3, on the same labels"
    assert re.search(r"within the test set's noise: 9 test images, ±\d\d\.\d points", words(at))
    give_round(toy, "bald", 15, 0.3)
    assert headline(show("progress", "toy"))[1:] == ("no change", "GRAY")


def test_the_rounds_of_a_project_are_one_curve_and_the_page_says_so(toy: Project) -> None:
    give_round(toy, "mal", 6, 0.1)
    assert "not a comparison of strategies" not in words(show("progress", "toy"))
    give_round(toy, "margin", 9, 0.3)
    give_round(toy, "mal", 12, 0.2)
    at = show("progress", "toy")
    assert "the curve is your project's, not a comparison of strategies; for that see Simulate" in words(at)
    drawn = json.loads(next(node for node in at.main if node.type == "plotly_chart").proto.spec)
    lines = [trace for trace in drawn["data"] if trace["mode"] == "lines"]
    assert len(lines) == 1
    assert [trace["name"] for trace in drawn["data"] if trace["mode"] == "markers"] == ["first labels", "asked by MAL", "asked by Margin"]


def test_the_range_of_deep_pictures_is_shown_and_changed_on_the_page(fresh: Workspace, tmp_path: Path) -> None:
    for number in range(4):
        file = tmp_path / "deep" / ("a", "b")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((np.arange(256, dtype=np.uint16) * 16 + number).reshape(16, 16)).save(file)
    project = Project.create("deep", tmp_path / "deep", hold_out=0)
    assert project.settings["levels"] == [0, 4095]
    at = show("data", "deep")
    assert "pictures of more than 8 bits are shown from 0 (black) to 4095 (white)" in words(ran(at))
    field_of = {number.label: number for number in at.number_input}
    field_of["White"].set_value(2047.0)
    press(at, "Use these")
    assert ended(fresh, fresh.runner.jobs()[0].id).state == "done"
    again = fresh.project("deep")
    assert again.settings["levels"] == [0, 2047]
    assert "to 2047 (white)" in words(ran(at))
    assert int(again.pixels()[0].max()) == 255
    assert (again.pixels()[0] == 255).sum() > 100 * 3  # half of the values lie above the new white


def test_another_network_brings_its_own_parameters_and_their_usual_values(here: Workspace) -> None:
    at = show("train", "trained")
    number = here.project("trained").id
    at.button_group(key="strategy").set_value("mal")
    at.selectbox(key=f"network.{number}").set_value("features")
    ran(at)
    assert "On pretrained features it plays no entropy game by default" in words(at)
    keys = {w.key for w in (*at.number_input, *at.selectbox, *at.toggle, *at.text_input)}
    assert at.number_input(key=f"train.{number}.features.learning_rate").value == RECIPES["features"]["learning_rate"]
    assert at.text_input(key=f"train.{number}.features.extractor").value == "lite0"
    assert at.toggle(key=f"mal.{number}.features.minimax").value is False
    assert not keys & {f"train.{number}.features.{name}" for name in ("weights", "flip", "crop", "rotation", "compile")}
    assert ", with" not in next(c.value for c in at.caption if c.value.startswith("Trains on"))  # usual values are no change


def test_a_network_of_pixels_guesses_every_image_in_the_background(toy: Project, fresh: Workspace):
    toy.label_from_truth(9, seed=0)
    round_ = toy.run_round("margin", 5, train=QUICK, report=lambda progress: None)
    assert not predictions.at_hand(toy, round_)
    at = show("data", "toy")
    assert "has not looked at every image yet" in words(at)
    next(button for button in at.button if button.label == "Let it guess them all").click()
    ran(at)
    wait(lambda: all(job.over for job in fresh.job_rows.jobs("toy")))
    (job,) = [job for job in fresh.job_rows.jobs("toy") if job.kind == "guesses"]
    assert (job.state, job.result) == ("done", {"images": 33})
    assert predictions.at_hand(toy, round_)
    assert "images at 0 % and more" in words(show("data", "toy"))


def test_of_many_names_a_sentence_has_the_first() -> None:
    names = [f"class {k}" for k in range(250)]
    assert several(names[:6]) == "class 0, class 1, class 2, class 3, class 4, class 5"  # "and 1 more" says less than its name
    assert several(names) == "class 0, class 1, class 2, class 3, class 4 and 245 more"
    assert several([]) == ""
