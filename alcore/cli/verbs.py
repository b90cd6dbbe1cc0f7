"""What each verb does with a workspace. Loads the database and torch, which main.py does only once a verb needs them."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from alcore.cli import account as accounting
from alcore.cli import describing
from alcore.cli import predict as predicting
from alcore.errors import BadInput
from alcore.files import written_whole
from alcore.formats.tables import open_table
from alcore.importing.preview import preview
from alcore.importing.renaming import lines_of
from alcore.importing.request import ImportRequest, levels_of
from alcore.importing.samples import bundled_digits
from alcore.measures.layout import warm_up
from alcore.nets.crew import joined
from alcore.params import TrainParams
from alcore.progress import Line
from alcore.project import background, carrying, creation, delivery, exporting, labels, loop, pushing, remote, scoring, slices
from alcore.project import doctor as examining
from alcore.project.facade import Project, Workspace
from alcore.project.moving import move_database
from alcore.simulation.presets import PRESETS
from alcore.strategies import STRATEGIES, file_of, strategy_named
from alcore.training.turn import Order

Answer = Mapping[str, Any]
IMPORT_OPTIONS = (
    "format",
    "task",
    "truth",
    "hold_out",
    "image_size",
    "cache",
    "void",
    "cut",
    "duplicates",
    "levels",
    "metadata",
    "group_by",
)


def quickstart(workspace: Workspace, args: argparse.Namespace) -> Answer:
    warm_up()  # the map's code compiles once a machine: let that run beside the training
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    if "digits" not in workspace.projects():
        Project.import_into(workspace, "digits", bundled_digits(), report=Line())
    seconds["import"] = time.perf_counter() - started
    project = workspace.project("digits")
    if project.status()["labeled"] == 0:
        project.label_from_truth(50, seed=0)
    done = project.run_round(args.strategy, query_size=50, seed=0, device=args.device, report=Line())
    frame = _items(project, done.number)
    return {
        "project": project.name,
        "round": done.number,
        "strategy": done.strategy,
        "labeled": done.labeled,
        "accuracy": done.metrics["accuracy"],
        "query": frame,
        "seconds": {**seconds, **done.seconds},
        "device": done.device,
    }


def import_(workspace: Workspace, args: argparse.Namespace) -> Answer:
    if args.again:
        return workspace.project(args.project).refresh(report=Line(), levels=levels_of(args.levels))
    return creation.summary(Project.import_into(workspace, args.project, args.source, report=Line(), **_import_options(args)))


def _import_options(args: argparse.Namespace) -> dict[str, Any]:
    named = {"classes": args.classes or (), "rename": lines_of(args.rename)}
    return {name: getattr(args, name) for name in IMPORT_OPTIONS} | named


def dry_run(args: argparse.Namespace) -> Answer:
    """What an import would do, or what lies at an address; touches no workspace."""
    if remote.is_address(args.source):
        return remote.look(args.source)
    return preview(ImportRequest.of(args.source, _import_options(args))).answer()


def features(workspace: Workspace, args: argparse.Namespace) -> Answer:
    project = workspace.project(args.project)
    return background.make_features(workspace.runner, project, args.extractor, args.device, Line(), args.on, args.workers)


def train(workspace: Workspace, args: argparse.Namespace) -> Answer:
    """One round. Of several processes that torchrun started, one does all of it and the others help with its training."""
    with joined() as crew:
        if crew.leads:
            answer = _train(workspace, args)
            crew.tell(None)
            return answer
        while told := crew.told():
            loop.assist_round(workspace.project(told["project"]), Order.read(told["order"]), Path(told["work"]))
        return {}


def _train(workspace: Workspace, args: argparse.Namespace) -> Answer:
    project = workspace.project(args.project)
    if args.resume is not None:
        before = workspace.job_rows.job(args.resume)
        if (before.kind, before.project) != ("round", project.name):
            raise BadInput(f"job {before.id} is no round of {project.name!r}: it is {before.title!r} of {before.project!r}")
        job = workspace.runner.resume_now(args.resume, report=Line())
    else:
        params, train = settings_of_round(args.strategy, args.set)
        order = loop.ordered(project, args.strategy, args.query_size, args.seed, args.device, params, train)
        if project.counts()["labeled"]:  # else a first query at random, without a model
            told = workspace.forecasts.forecast(project, order)
            print(f"alcore: {' '.join(filter(None, (told.words() + '.', told.cure())))}", file=sys.stderr)
        job = workspace.runner.run_now("round", project.name, order.title, order.arguments(), device=order.device, report=Line())
    done = project.round(int((job.result or {})["round"]))
    return {
        "job": job.id,
        "round": done.number,
        "strategy": done.strategy,
        "labeled": done.labeled,
        "metrics": dict(done.metrics),
        "seconds": dict(done.seconds),
        "device": done.device,
        "query": len(done.query),
        **({"per_class": project.class_table(done)} if project.dense else {}),
    }


def settings_of_round(strategy: str, settings: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """`name=value` pairs, sorted into the strategy's parameters and the run's."""
    params: dict[str, str] = {}
    train: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise BadInput(f"--set {setting!r}: write name=value")
        (train if name in TrainParams.__dataclass_fields__ else params)[name] = value
    known = [f.name for f in dataclasses.fields(strategy_named(strategy).Params)]
    unknown = [name for name in params if name not in known]
    if unknown:
        there = ", ".join([*known, *TrainParams.__dataclass_fields__])
        raise BadInput(f"{', '.join(unknown)} is no parameter of {strategy} or of training; there are: {there}")
    return params, train


def query(workspace: Workspace, args: argparse.Namespace) -> Answer:
    project = workspace.project(args.project)
    number = project.round(args.round).number
    found = _items(project, number)
    if args.csv:
        names = list(found[0]["scores"]) if found else []
        rows = ([entry["path"], "", entry["id"], *(entry["scores"][n] for n in names)] for entry in found)
        _write_csv(Path(args.csv), ["path", "label", "id", *names], rows)
    return {"round": number, "items": found}


def _items(project: Project, number: int) -> list[dict[str, Any]]:
    round_ = project.round(number)
    frame = project.scores(round_)
    frame = frame[frame["selected"]].set_index("id").loc[list(round_.query)]
    hidden = ("path", "rank", "selected", "prediction", "x", "y")
    names = [c for c in frame.columns if c not in hidden]
    return [
        {
            "id": int(i),
            "path": row["path"],
            "scores": {n: float(row[n]) for n in names},
            **({"prediction": row["prediction"]} if "prediction" in row else {}),
        }
        for i, row in zip(frame.index, frame.to_dict("records"), strict=True)
    ]


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    try:
        path.parent.stat()  # a folder is not made for it
        with written_whole(path) as whole, io.TextIOWrapper(whole, encoding="utf-8", newline="") as text:
            writer = csv.writer(text)
            writer.writerow(header)
            writer.writerows(rows)
    except OSError as wrong:
        raise BadInput(f"{path} cannot be written: {wrong.strerror}") from wrong


def score(workspace: Workspace, args: argparse.Namespace) -> Answer:
    project = workspace.project(args.project)
    out = Path(args.csv) if args.csv else None
    if out is not None and not out.parent.is_dir():  # known only after hours otherwise
        raise BadInput(f"{out} cannot be written: there is no folder {out.parent}")
    round_ = None if args.round is None else project.round(args.round)
    spread = {"on": args.on, "workers": args.workers}
    scored = scoring.score(project, round_, args.query_size, args.device, Line(), **spread)
    columns = scored.columns(project)
    if out is not None:
        _write_csv(out, list(columns), zip(*columns.values(), strict=True))
    row = {i: at for at, i in enumerate(columns["id"])}
    asked = [{name: values[row[i]] for name, values in columns.items()} for i in scored.query.tolist()]
    return {"project": project.name, **scoring.words(scored, out), "query": asked}


def label(workspace: Workspace, args: argparse.Namespace) -> Answer:
    project = workspace.project(args.project)
    if args.from_truth is not None:
        labeled = project.label_from_truth(args.from_truth, seed=args.seed, annotator=args.annotator or "oracle")
    elif args.slice_from_truth:
        labeled = labels.slice_from_truth(project, annotator=args.annotator or "oracle")
    elif args.query_from_truth:
        labeled = project.label_query_from_truth(annotator=args.annotator or "oracle")
    else:
        labeled = project.label_from_csv(Path(args.csv), annotator=args.annotator or "csv")
        notes = list(open_table(Path(args.csv)).notes)  # how it was read: not everybody's letters are what they seem
        return {"labeled": labeled, "total": project.status()["labeled"], **({"notes": notes} if notes else {})}
    return {"labeled": labeled, "total": project.status()["labeled"]}


def status(workspace: Workspace, args: argparse.Namespace) -> Answer:
    return workspace.project(args.project).status()


def slice_(workspace: Workspace, args: argparse.Namespace) -> Answer:
    project = workspace.project(args.project)
    slices.draw(project, args.size, args.seed)
    nothing = {"size": 0, "labeled": 0, "accuracy": None, "low": None, "high": None}
    held = slices.held_groups(project)
    return {"slice": slices.listed(project), **(slices.told(project) or nothing), **({"groups": held.words()} if held else {})}


def export(workspace: Workspace, args: argparse.Namespace) -> Answer:
    if args.with_predictions:
        if args.every_column:
            raise BadInput("--every-column and --with-predictions are two tables: choose one")
        return _deliver(workspace.project(args.project), args)
    if args.above is not None or args.promise is not None or args.link:
        raise BadInput("--above, --promise and --link are about predictions: add --with-predictions")
    if args.format == carrying.FORMAT:
        return carrying.export_model(workspace.project(args.project), Path(args.out), Line())
    splits = [name.strip() for name in args.splits.split(",") if name.strip()]
    return exporting.export(workspace.project(args.project), args.format, Path(args.out), splits, every_column=args.every_column)


def push(workspace: Workspace, args: argparse.Namespace) -> Answer:
    splits = tuple(part.strip() for part in args.splits.split(",") if part.strip())
    return pushing.push(workspace.project(args.project), args.repository, args.format, splits, args.public, Line())


def _deliver(project: Project, args: argparse.Namespace) -> Answer:
    threshold = args.above or 0.0
    if args.promise is not None:
        threshold = delivery.threshold_of(project, args.promise)
    told = delivery.deliver(project, Path(args.out), args.format, threshold, args.link, Line())
    return {**told, "threshold": threshold}


def predict(workspace: Workspace, args: argparse.Namespace) -> Answer:
    return predicting.by_project(workspace, args, Line())


def delete(workspace: Workspace, args: argparse.Namespace) -> Answer:
    project = workspace.project(args.project)
    if not args.yes:
        has, rounds = project.counts(), len(project.rounds())
        counted = f"{has['items']:,} images with {has['labeled']:,} labels, and {rounds:,} round{'s' if rounds != 1 else ''}"
        raise BadInput(f"this removes {project.name!r} for good: {counted}. Its source {project.source} stays. Add --yes to do it.")
    project.delete()
    return {"project": project.name}


def doctor(workspace: Workspace, args: argparse.Namespace) -> Answer:
    names = [args.project] if args.project else workspace.projects()
    only = workspace.project(args.project) if args.project else None

    def looked(rebuild: bool) -> list[str]:
        wrong = [f for name in names for f in examining.examine(workspace.project(name), rebuild)]
        uploads = [] if only else examining.upload_words(workspace, rebuild)
        return [*wrong, *examining.leftover_words(workspace, only, rebuild), *uploads, *workspace.look_for_strategies()]

    findings = looked(args.rebuild)
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    environment = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gpu": gpu,
        "home": str(workspace.home),
        "projects": workspace.projects(),
        "uploads": examining.uploads_take(workspace),
    }
    left = looked(rebuild=False) if args.rebuild else findings
    return {"ok": not left, "findings": findings, "environment": environment}


def strategies(workspace: Workspace, args: argparse.Namespace) -> Answer:
    def described(kind: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": f.name,
                "default": f.default,
                **{k: v for k, v in f.metadata.items() if v is not None and k not in ("expert", "check", "path")},
            }
            for f in dataclasses.fields(kind)
        ]

    listed = [
        {
            "name": name,
            "title": s.title,
            "tasks": list(s.tasks),
            "paper": s.paper,
            "file": str(file_of(name) or ""),
            "semi_supervised": s.semi_supervised(s.Params()),
            "first_point": s.first_point(s.Params()) or "equal to random's",
            "differences": list(s.differences),
            "parameters": described(s.Params),
        }
        for name, s in STRATEGIES.items()
    ]
    presets = [dataclasses.asdict(preset) for preset in PRESETS.values()]
    return {"strategies": listed, "training": described(TrainParams), "presets": presets}


def move(workspace: Workspace, args: argparse.Namespace) -> Answer:
    return move_database(workspace, args.address)


VERBS: Mapping[str, Callable[[Workspace, argparse.Namespace], Answer]] = {
    "quickstart": quickstart,
    "import": import_,
    "features": features,
    "train": train,
    "query": query,
    "score": score,
    "slice": slice_,
    "metadata": describing.run,
    "account": accounting.run,
    "label": label,
    "status": status,
    "export": export,
    "push": push,
    "predict": predict,
    "delete": delete,
    "doctor": doctor,
    "strategies": strategies,
    "move-database": move,
}
