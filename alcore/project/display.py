"""What a notebook shows of a project, a round, a job and scores: a few lines of HTML. Knows neither pandas nor plotly.

Colors and letters are those of the notebook, so it looks right in light and dark; every text that comes from outside is escaped.
"""

from __future__ import annotations

import base64
import shlex
import weakref
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

from alcore.errors import NotFound
from alcore.jobs.runner import JobRunner
from alcore.metrics import told
from alcore.progress import took
from alcore.project.advice import advise
from alcore.project.place import Place
from alcore.project.stored import Stored, stored
from alcore.showing import as_html
from alcore.strategies import title_of
from alcore.types import Job, Round, Scores

THUMBNAILS, SIDE = 12, 64
CLASSES = 12  # named; of more it says how many
ROWS, BARS = 8, 24
LINE = "rgba(128,128,128,.4)"
FAINT = "opacity:.65"
STARTS = {
    "random": "first images, at random",
    "kcenter": "first images, spread out",
    "groups": "first images, one of each group",
    "wanted": "images chosen by hand",
}

# where the values that are shown may come from; held weakly, so that showing keeps nothing open
_places: weakref.WeakSet[Place] = weakref.WeakSet()
_runners: weakref.WeakSet[JobRunner] = weakref.WeakSet()


def opened(place: Place) -> None:
    """From now on rounds of this place are shown with its pictures."""
    _places.add(place)


def runs(runner: JobRunner) -> None:
    """From now on its jobs are shown as they are when they are shown."""
    _runners.add(runner)


def closed(place: Place, runner: JobRunner | None) -> None:
    """Neither is asked any more."""
    _places.discard(place)
    if runner is not None:
        _runners.discard(runner)


# ---- what is shown


@as_html.register
def of_project(project: Stored) -> str:
    """Its name, how much of it is labeled, its classes, the newest round and what to do next."""
    counts, newest = project.counts(), project.newest_round()
    held = sum(number for split, number in counts["splits"].items() if split != "pool")
    facts = [_count(counts["items"], "image"), f"{counts['labeled']:,} labeled"]
    facts += [f"{held:,} held out for testing"] if held else []
    rows = [("classes", _classes(project.classes, counts["labels"]))]
    if newest is not None:
        rows.append((f"round {newest.number}", escape(_round_words(newest))))
    rows.append(("next", _next(project, counts, newest)))
    return _card(f"{escape(project.name)}", " · ".join(facts), _table(rows))


@as_html.register
def of_round(round_: Round) -> str:
    """Its number, strategy, labels, metric and seconds; beside them the images it asks for, where its project is open in this process."""
    rows = [(escape(name.replace("_", " ")), escape(told(name, value))) for name, value in _main(round_.metrics).items()]
    if round_.seconds and not round_.start:
        parts = ", ".join(f"{name} {took(seconds)}" for name, seconds in round_.seconds.items() if seconds >= 0.05)
        rows.append(("time", escape(f"{took(sum(round_.seconds.values()))} on {round_.device}" + (f" ({parts})" if parts else ""))))
    rows.append(("asks for", _count(len(round_.query), "image")))
    project = _project_of(round_)
    pictures = _thumbnails(project, round_.query) if project else ""
    of = f"{escape(round_.project)} · {round_.labeled:,} labels"
    return _card(f"Round {round_.number}: {escape(_strategy(round_))}", of, _table(rows) + pictures)


@as_html.register
def of_job(job: Job) -> str:
    """What it is, how far it is and how long it may take: as it is now, where its workspace is open in this process."""
    runner = _runner_of(job)
    job = runner.snapshot(job.id) if runner else job
    state, share = escape(job.state), None
    if job.state == "running":
        share = runner.fraction(job) if runner else None
        if share is None:
            share = min(1.0, job.progress.done / job.progress.total) if job.progress.total else 0.0
        left = runner.eta_seconds(job) if runner else None
        parts = [f"{100 * share:.0f} %", job.progress.stage, f"{took(left)} left" if left is not None else "", job.progress.message]
        state = f"running: {escape(', '.join(part for part in parts if part))}"
    elif job.took:
        state += f" after {took(job.took)}"
    rows = [("state", state), *([("error", escape(job.error))] if job.error else [])]
    return _card(f"Job {job.id}: {escape(job.title)}", f"{escape(job.project)} · {escape(job.kind)}", _bar(share) + _table(rows))


@as_html.register
def of_scores(scores: Scores) -> str:
    """How what it ranks by is spread, and the first of the query with every score."""
    place = {int(i): at for at, i in enumerate(scores.ids)}
    names = ["total", *(name for name in scores.parts if name != "total")]
    values = {"total": scores.total, **scores.parts}
    heads = "".join(f"<th style='text-align:right;padding:0 .6em'>{escape(name)}</th>" for name in ("id", *names))
    lines = []
    for item in scores.selected[:ROWS].tolist():
        cells = [f"{item}", *(f"{float(values[name][place[item]]):.4g}" for name in names)]
        lines.append("<tr>" + "".join(f"<td style='text-align:right;padding:0 .6em'>{cell}</td>" for cell in cells) + "</tr>")
    table = f"<table style='border-collapse:collapse;background:none'><tr>{heads}</tr>{''.join(lines)}</table>"
    of = f"{len(scores.ids):,} scored · {len(scores.selected):,} asked for"
    low, high = (float(scores.total.min()), float(scores.total.max())) if len(scores.total) else (0.0, 0.0)
    return _card("Scores", of, f"{_histogram(scores.total)}<div style='{FAINT}'>total from {low:.4g} to {high:.4g}</div>{table}")


# ---- words


def _round_words(round_: Round) -> str:
    metrics = "".join(f", {name.replace('_', ' ')} {told(name, value)}" for name, value in list(_main(round_.metrics).items())[:1])
    return f"{_strategy(round_)} on {round_.labeled:,} labels{metrics}"


def _strategy(round_: Round) -> str:
    return STARTS[round_.start] if round_.start else title_of(round_.strategy, round_.params, round_.train)


def _main(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics but those of single classes, the one that curves show first."""
    first = ("accuracy", "mean_iou")
    there = {name: value for name, value in metrics.items() if "/" not in name and name != "loss"}
    return dict(sorted(there.items(), key=lambda one: one[0] not in first))


def _classes(names: Sequence[str], labels: Mapping[str, int]) -> str:
    shown = [escape(name) + (f" <span style='{FAINT}'>{labels[name]:,}</span>" if name in labels else "") for name in names[:CLASSES]]
    more = f" and {len(names) - CLASSES:,} more" if len(names) > CLASSES else ""
    return ", ".join(shown) + more if names else "none yet"


def _next(project: Stored, counts: Mapping[str, object], newest: Round | None) -> str:
    """The next step, with the line that does it."""
    waiting = project.queries.open()
    if any(job.kind == "round" and not job.over for job in project.place.job_rows.jobs(project.name)):
        return "a round is on its way"
    if waiting and waiting.waiting:
        serve = f"python -m alcore serve --home {shlex.quote(str(project.place.home))}"
        return f"label the {_count(len(waiting.waiting), 'image')} asked for: {_code(serve)}"
    left = len(project.pool().unlabeled)
    if not counts["labeled"]:
        return f"ask for first images: {_code('project.start(50)')}" if left else "import images"
    if not left:
        return "nothing is left to ask for: export the labels"
    advice = advise(project.dense, left, str(newest.train.get("architecture", "")) if newest else "")
    line = f"project.run_round({advice.strategy!r}, query_size={advice.query_size})"
    return f"train and ask for {_count(advice.query_size, 'image')}: {_code(line)}"


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"


# ---- where a value comes from


def _project_of(round_: Round) -> Stored | None:
    """The project in whose rows it stands; a name may be that of several, in several places."""
    for place in list(_places):
        if round_.project in place.projects():
            project = stored(place, round_.project)
            if any((r.created, r.folder) == (round_.created, round_.folder) for r in project.round_rows.all(round_.number)):
                return project
    return None


def _runner_of(job: Job) -> JobRunner | None:
    return next((runner for runner in list(_runners) if _has(runner, job)), None)


def _has(runner: JobRunner, job: Job) -> bool:
    try:
        found = runner.snapshot(job.id)
    except NotFound:
        return False
    return (found.project, found.created) == (job.project, job.created)


# ---- HTML


def _card(title: str, of: str, body: str) -> str:
    box = f"border:1px solid {LINE};border-radius:8px;padding:.6em .9em;margin:.2em 0;max-width:48em;color:inherit;background:none"
    return f"<div style='{box}'><div><b>{title}</b> <span style='{FAINT}'>{of}</span></div>{body}</div>"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(
        f"<tr style='background:none'><td style='{FAINT};text-align:left;padding:0 1em 0 0;vertical-align:top'>{name}</td>"
        f"<td style='text-align:left;padding:0'>{value}</td></tr>"
        for name, value in rows
    )
    return f"<table style='border-collapse:collapse;margin:.3em 0;background:none'>{lines}</table>"


def _code(text: str) -> str:
    return f"<code style='background:none;color:inherit'>{escape(text)}</code>"


def _bar(share: float | None) -> str:
    if share is None:
        return ""
    inner = f"<div style='width:{100 * share:.1f}%;height:100%;background:currentColor;opacity:.7'></div>"
    return f"<div style='height:6px;border-radius:3px;overflow:hidden;margin:.4em 0;background:{LINE}'>{inner}</div>"


def _thumbnails(project: Stored, ids: Sequence[int]) -> str:
    """The first pictures in the page itself: a notebook that is sent to somebody keeps them."""
    rows, shown = project.items.rows(ids[:THUMBNAILS]), []
    for i in ids[:THUMBNAILS]:
        try:
            encoded, mime, _ = project.pictures.picture(rows[i], SIDE)
        except (KeyError, NotFound):  # the file is gone since: the others are shown
            continue
        name = escape(project.shown_name(i, rows[i]["path"]))
        source = f"data:{mime};base64,{base64.b64encode(encoded).decode()}"
        style = f"height:{SIDE}px;border-radius:4px;margin:0;display:inline-block"
        shown.append(f"<img src='{source}' alt='{name}' title='{name}' style='{style}'>")
    more = f"<span style='{FAINT};align-self:center'>and {len(ids) - THUMBNAILS:,} more</span>" if len(ids) > THUMBNAILS else ""
    return f"<div style='display:flex;flex-wrap:wrap;gap:4px'>{''.join(shown)}{more}</div>" if shown else ""


def _histogram(values: np.ndarray) -> str:
    if not len(values):
        return ""
    counts, _ = np.histogram(values, bins=BARS)
    bars = "".join(
        f"<rect x='{8 * at}' y='{40 * (1 - count / counts.max()):.1f}' width='7' height='{40 * count / counts.max():.1f}'/>"
        for at, count in enumerate(counts.tolist())
    )
    return f"<svg width='{8 * BARS}' height='40' style='display:block;margin:.4em 0' fill='currentColor' opacity='.7'>{bars}</svg>"
