"""The form that starts a simulation: the data, the strategies, how many rounds and seeds, and how long that may take."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from alcore.errors import AlcoreError, BadInput
from alcore.importing import samples
from alcore.importing.preview import preview
from alcore.importing.request import ImportRequest
from alcore.nets.tasks import FEATURES, TASKS, recipe, train_params
from alcore.params import TrainParams
from alcore.project import features
from alcore.project.advice import usual_query
from alcore.project.background import SIMULATIONS, submit_simulation
from alcore.project.facade import Project
from alcore.project.loop import drafted
from alcore.simulation import shelf
from alcore.simulation.asking import Asked
from alcore.simulation.comparison import BASELINE
from alcore.simulation.experiment import MOST_SEED, check_budget, images_of
from alcore.simulation.outlook import Outlook, measured, outlook
from alcore.simulation.shelf import Kept
from alcore.strategies import STRATEGIES
from alcore.training.devices import device_list
from pages.ui.bringing import refusal
from pages.ui.forecasting import shown_when_known
from pages.ui.forms import params_form
from pages.ui.session import FORM_WIDTH, plain_errors, plural, workspace

USUAL = ("mal", "mcdal", "margin", "random")
SEEDS, ROUNDS = 5, 10  # what the form begins with
LONGEST_NAME = 60  # of the data; a number may come behind it
OF_DATA = ("flip", "query_unit", "region_count")  # of training: what the images decide, and what asks for parts of an image
KEPT = "simulate.kept"  # of the session: name -> what was read of a simulation
UNTOLD = "how long they take is known once some were measured"


@dataclass(frozen=True)
class _Source:
    """What a simulation can run on.

    Attributes:
        options: of Asked, beside the source.
        pool: images with a known label; suits: whether they are photos that pretrained features are made for, None where nobody can tell.
        like: a project with the same images, whose forecasts hold here too.
    """

    source: str
    name: str
    task: str
    pool: int
    suits: bool | None
    options: Mapping[str, Any] = field(default_factory=dict)
    like: Project | None = None


def folder() -> Path:
    """Where the workspace keeps its simulations."""
    return workspace().home / SIMULATIONS


def kept_of(name: str) -> Kept | None:
    """The simulation of that name, None before its data is read; this session keeps what it has read of it. BadInput when it is damaged."""
    known = st.session_state.setdefault(KEPT, {})
    known[name] = found = Kept.of(folder() / name, known.get(name))
    return found


def new_simulation(of: Project | None) -> str | None:
    """The form; the name of the simulation that was started just now."""
    with st.container(border=True, width=FORM_WIDTH):
        source = _source(of)
        if source is None:
            return None
        asked = _asked(source)
        name = _free(source.name)
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = st.button("Start", type="primary", icon=":material/play_arrow:")
            _outlook_line(source, asked, name)
        if pressed:
            with plain_errors():
                return _submit(source, asked, name)
    return None


def _submit(source: _Source, asked: Asked, name: str) -> str:
    plan = asked.plan(folder() / name)
    check_budget(images_of(plan.init, source.pool), images_of(plan.query_size, source.pool), plan.rounds, source.pool)
    rounds = len(plan.variants) * len(plan.seeds) * plan.rounds
    submit_simulation(workspace().runner, workspace(), name, asked.words(), asked.stored(), rounds)
    return name


def _free(name: str) -> str:
    """The first of name, name-2, name-3, … that no simulation has, not even one that waits for its turn; of what a folder may be called."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("._-")[:LONGEST_NAME] or "simulation"
    taken = {*shelf.names(folder()), *(job.arguments.get("name") for job in workspace().runner.jobs(limit=200))}
    return next(one for one in (name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))) if one not in taken)


# ---- the data


def _source(of: Project | None) -> _Source | None:
    """The data that is chosen; None while there is nothing to run on, which is said."""
    mine = _of_project(of)
    digits = samples.bundled_digits()
    ways = {"project": f"This project: {mine.name}"} if mine else {}
    if mine is None or Path(mine.source) != digits:
        ways["digits"] = "The bundled digits"
    ways["path"] = "Another folder or file"
    how = st.segmented_control(
        "Data, with a label for every image", list(ways), default=next(iter(ways)), required=True, format_func=ways.__getitem__
    )
    if how == "project":
        assert mine is not None
        st.caption(
            f"`{mine.source}` · {plural(mine.pool, 'image')} in the pool with a label that came with them. The project stays as it is."
        )
        return mine
    if how == "digits":
        st.caption("1,797 handwritten digits of 8 × 8 pixels, ten classes.")
        return _looked_at(str(digits), "digits", False)
    typed = st.text_input("Folder, CSV or array file on this machine", placeholder="/home/me/photos", key="simulate.source").strip()
    if not typed:
        st.caption(":material/info: Labeled images: class folders, a CSV, arrays, or images with masks, as on the Data page.")
        return None
    with plain_errors():
        if why := refusal(typed):
            raise BadInput(why)
        path = Path(typed).expanduser().absolute()
        if not path.exists():
            raise BadInput(f"there is no {typed} on this machine: give a folder or file with labeled images")
        found = _looked_at(str(path), path.stem, None)
        st.caption(f":material/check: {plural(found.pool, 'image')} in the pool with a label · {TASKS[found.task].title}")
        return found
    return None


def _of_project(of: Project | None) -> _Source | None:
    """The source of a project whose labels came with it and are hidden."""
    known = sum(of.counts()["truth"].get("pool", {}).values()) if of else 0
    if of is None or not known or not of.source.exists():
        return None
    options = {"format": of.format, **({"task": of.task} if of.dense else {})}
    return _Source(str(of.source), of.name, of.task, known, features.suits(of), options, of)


def _looked_at(source: str, name: str, suits: bool | None) -> _Source:
    task, pool = _facts(source, Path(source).stat().st_mtime_ns)
    same = (workspace().project(one) for one in workspace().projects())
    return _Source(source, name, task, pool, suits, {}, next((one for one in same if str(one.source) == source), None))


@st.cache_data(show_spinner="Looking at the images …", max_entries=20)
def _facts(source: str, changed: int) -> tuple[str, int]:
    """Task and size of the labeled pool of a source as it is since `changed`. BadInput when there are no labels."""
    found = preview(ImportRequest.of(source, {}))
    pool = max(0, found.splits.get("pool", 0) - found.unlabeled)
    if not pool:
        raise BadInput(f"{source} has no labels: a simulation needs the label of every image, to answer as a person would")
    return found.task, pool


# ---- what is asked


def _asked(source: _Source) -> Asked:
    offered = [name for name, kind in STRATEGIES.items() if source.task in kind.tasks]
    names = st.multiselect(
        "Strategies",
        offered,
        [n for n in USUAL if n in offered],
        format_func=lambda n: STRATEGIES[n].title,
        key=f"simulate.strategies.{source.task}",
    )
    usual = usual_query(TASKS[source.task].dense, source.pool)
    with st.container(horizontal=True):
        init = st.number_input(
            "Start labels", 1, 1_000_000, usual, width=140, help="Drawn at random, the same for every strategy of a seed."
        )
        size = st.number_input("Query size", 1, 1_000_000, usual, width=140, help="How many labels more a round.")
        rounds = st.number_input("Rounds", 1, 1000, ROUNDS, width=120, help="Points of each curve; the first is on the start labels.")
        seeds = st.number_input(
            "Seeds",
            1,
            min(1000, MOST_SEED),
            SEEDS,
            width=120,
            help="Each strategy runs once a seed. Intervals take two and more, a test takes six.",
        )
    settings = _training(source)
    ordered = sorted(names, key=lambda one: one != BASELINE)  # the first to run: the others are compared with it as they come
    asked = Asked(source.source, tuple(ordered), int(init), int(size), int(rounds), tuple(range(int(seeds))), settings=settings)
    return dataclasses.replace(asked, **source.options)


def _training(source: _Source) -> tuple[str, ...]:
    """Settings of training that differ from what they usually are, as the command line takes them."""
    on_features = False
    if source.suits is not False and not TASKS[source.task].dense:
        ways = {"features": "On pretrained features", "scratch": "From scratch"}
        how = st.segmented_control(
            "Networks",
            list(ways),
            default="features" if source.suits else "scratch",
            required=True,
            format_func=ways.__getitem__,
            help="For photos of 64 pixels and more: a frozen network reads them once, and rounds take seconds.",
            key=f"simulate.networks.{source.source}",
        )
        on_features = how == "features"
    usual = recipe(source.task, {"architecture": FEATURES} if on_features else {})
    left_out = (*OF_DATA, *(("architecture", "weights", "crop", "rotation", "compile") if on_features else ("extractor",)))
    networks = [name for name in TASKS[source.task].architectures if name != FEATURES]
    with st.expander("Training: parameters", type="compact"):
        key = f"simulate.{source.task}.{on_features}"
        given = params_form(TrainParams, key, usual, choices={"architecture": networks}, left_out=left_out)
    standard = {spec.name: spec.default for spec in dataclasses.fields(TrainParams)} | usual
    changed = {name: value for name, value in given.items() if value != standard[name]}
    said = {**({"architecture": FEATURES} if on_features else {}), **changed}
    return tuple(f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in said.items())


# ---- how long it may take


def _outlook_line(source: _Source, asked: Asked, name: str) -> None:
    """Says about how long it takes; while a project's steps are being timed for that, the rest of the page does not wait."""

    def said() -> str | None:
        found = _outlook(source, asked, name)
        words = found.words() if isinstance(found, Outlook) else found
        return f"{words[0].upper()}{words[1:]}" if words else words

    shown_when_known(said)


def _outlook(source: _Source, asked: Asked, name: str) -> Outlook | str | None:
    """None while it is being found out; "" when a field is wrong, which Start says."""
    try:
        plan = asked.plan(folder() / name)
        seconds = measured(plan, _kept())
        if seconds:
            return outlook(plan, seconds, "as rounds of this data took")
        like = source.like
        if like is None:
            return outlook(plan, {}, UNTOLD)
        device = device_list()[0][0]
        train = {"architecture": train_params(source.task, plan.train).architecture, **plan.train}
        orders = {v.text: drafted(like, v.strategy, int(plan.query_size), 0, device, {}, train) for v in plan.variants}
    except AlcoreError:
        return ""
    for text, order in orders.items():
        found = workspace().forecasts.look(like, order)
        if found is None:
            return None
        if not isinstance(found, AlcoreError) and found.seconds:  # features and the map are not made anew each round
            seconds[text] = sum(value for part, value in found.seconds.items() if part not in ("features", "map"))
    return outlook(plan, seconds, f"forecast from the project {like.name}" if seconds else UNTOLD)


def _kept() -> list[Kept]:
    """Every simulation of the workspace that can be read."""
    found = []
    for name in shelf.names(folder()):
        try:
            one = kept_of(name)
        except BadInput:  # damaged, which the list of simulations says
            continue
        if one is not None:
            found.append(one)
    return found
