"""The command line: each verb prints a line for people or, with --json, one JSON object. Knows no SQL and trains nothing itself."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alcore.cli import simulate as simulating
from alcore.cli.terminal import print_answer
from alcore.door import serve as serving
from alcore.errors import AlcoreError, BadInput, of_machine
from alcore.files import written_whole
from alcore.importing.samples import bundled_digits
from alcore.progress import Line
from alcore.project import creation, loop

if TYPE_CHECKING:  # a machine that only simulates has no database library
    from alcore.project.facade import Project, Workspace

Answer = Mapping[str, Any]
IMPORT_OPTIONS = ("format", "task", "truth", "hold_out", "image_size", "cache", "void", "cut", "duplicates", "levels")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb. Returns 0; 2 for what the user can cure, with one line on stderr; a bug raises, which exits with 1."""
    args = _parser().parse_args(arguments)
    try:
        if args.verb == "serve":
            return serving.run(args)
        answer: Answer
        if args.verb == "simulate":
            answer = simulating.run(args, Line())
        elif args.verb == "import" and args.dry_run:
            answer = _dry_run(args)
        elif args.verb == "import" and not args.project:
            raise BadInput("name the project (--project NAME), or see first what the import would do (--dry-run)")
        else:
            answer = _in_workspace(args)
    except AlcoreError as problem:
        return _ended(problem)
    except OSError as problem:  # what no module has put in words: a full disk, missing rights, too many files
        if told := of_machine(problem):
            return _ended(told)
        raise
    except KeyboardInterrupt:
        how = "the same command" if args.verb == "simulate" else "`train --resume JOB`"
        print(f"alcore: interrupted; {how} goes on from the last checkpoint", file=sys.stderr)
        return 130
    if args.json:
        print(json.dumps(answer))
    else:
        print_answer(answer)
    return 0 if answer.get("ok", True) else 2


def _ended(problem: AlcoreError) -> int:
    print(f"alcore: {problem}", file=sys.stderr)
    return 2


def _in_workspace(args: argparse.Namespace) -> Answer:
    from alcore.project.facade import Workspace

    workspace = Workspace(args.home)
    try:
        result: Answer = args.run(workspace, args)
        return result
    finally:
        workspace.close()


# ---- verbs


def _quickstart(workspace: Workspace, args: argparse.Namespace) -> Answer:
    from alcore.measures.layout import warm_up
    from alcore.project.facade import Project

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


def _import(workspace: Workspace, args: argparse.Namespace) -> Answer:
    from alcore.importing.request import levels_of
    from alcore.project.facade import Project

    if args.again:
        return workspace.project(args.project).refresh(report=Line(), levels=levels_of(args.levels))
    options = {name: getattr(args, name) for name in IMPORT_OPTIONS} | {"classes": args.classes or ()}
    return creation.summary(Project.import_into(workspace, args.project, Path(args.source), report=Line(), **options))


def _dry_run(args: argparse.Namespace) -> Answer:
    """What an import would do; touches no workspace."""
    from alcore.importing.preview import preview
    from alcore.importing.request import ImportRequest

    options = {name: getattr(args, name) for name in IMPORT_OPTIONS} | {"classes": args.classes or ()}
    return preview(ImportRequest.of(args.source, options)).answer()


def _train(workspace: Workspace, args: argparse.Namespace) -> Answer:

    project = workspace.project(args.project)
    if args.resume is not None:
        before = workspace.job_rows.job(args.resume)
        if (before.kind, before.project) != ("round", project.name):
            raise BadInput(f"job {before.id} is no round of {project.name!r}: it is {before.title!r} of {before.project!r}")
        job = workspace.runner.resume_now(args.resume, report=Line())
    else:
        params, train = split_settings(args.strategy, args.set)
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


def split_settings(strategy: str, settings: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """`name=value` pairs, sorted into the strategy's parameters and the run's."""
    from alcore.params import TrainParams
    from alcore.strategies import strategy_named

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


def _query(workspace: Workspace, args: argparse.Namespace) -> Answer:
    project = workspace.project(args.project)
    number = project.round(args.round).number
    found = _items(project, number)
    if args.csv:
        names = list(found[0]["scores"]) if found else []
        try:
            Path(args.csv).parent.stat()  # a folder is not made for it
            with written_whole(Path(args.csv)) as whole, io.TextIOWrapper(whole, encoding="utf-8", newline="") as text:
                writer = csv.writer(text)
                writer.writerow(["path", "label", "id", *names])
                writer.writerows([entry["path"], "", entry["id"], *(entry["scores"][n] for n in names)] for entry in found)
        except OSError as wrong:
            raise BadInput(f"{args.csv} cannot be written: {wrong.strerror}") from wrong
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


def _label(workspace: Workspace, args: argparse.Namespace) -> Answer:
    project = workspace.project(args.project)
    if args.from_truth is not None:
        labeled = project.label_from_truth(args.from_truth, seed=args.seed, annotator=args.annotator or "oracle")
    elif args.query_from_truth:
        labeled = project.label_query_from_truth(annotator=args.annotator or "oracle")
    else:
        from alcore.formats.tables import open_table

        labeled = project.label_from_csv(Path(args.csv), annotator=args.annotator or "csv")
        notes = list(open_table(Path(args.csv)).notes)  # how it was read: not everybody's letters are what they seem
        return {"labeled": labeled, "total": project.status()["labeled"], **({"notes": notes} if notes else {})}
    return {"labeled": labeled, "total": project.status()["labeled"]}


def _status(workspace: Workspace, args: argparse.Namespace) -> Answer:
    return workspace.project(args.project).status()


def _export(workspace: Workspace, args: argparse.Namespace) -> Answer:
    from alcore.project.exporting import export

    splits = [name.strip() for name in args.splits.split(",") if name.strip()]
    return export(workspace.project(args.project), args.format, Path(args.out), splits)


def _delete(workspace: Workspace, args: argparse.Namespace) -> Answer:
    project = workspace.project(args.project)
    if not args.yes:
        has, rounds = project.counts(), len(project.rounds())
        counted = f"{has['items']:,} images with {has['labeled']:,} labels, and {rounds:,} round{'s' if rounds != 1 else ''}"
        raise BadInput(f"this removes {project.name!r} for good: {counted}. Its source {project.source} stays. Add --yes to do it.")
    project.delete()
    return {"project": project.name}


def _doctor(workspace: Workspace, args: argparse.Namespace) -> Answer:
    import platform

    import torch

    from alcore.project import doctor

    names = [args.project] if args.project else workspace.projects()
    only = workspace.project(args.project) if args.project else None

    def looked(rebuild: bool) -> list[str]:
        wrong = [f for name in names for f in doctor.examine(workspace.project(name), rebuild)]
        return [*wrong, *doctor.leftover_words(workspace, only, rebuild)]

    findings = looked(args.rebuild)
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    environment = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gpu": gpu,
        "home": str(workspace.home),
        "projects": workspace.projects(),
    }
    left = looked(rebuild=False) if args.rebuild else findings
    return {"ok": not left, "findings": findings, "environment": environment}


def _strategies(workspace: Workspace, args: argparse.Namespace) -> Answer:
    from alcore.params import TrainParams
    from alcore.simulation.presets import PRESETS
    from alcore.strategies import STRATEGIES

    def described(kind: Any) -> list[dict[str, Any]]:
        return [
            {"name": f.name, "default": f.default, **{k: v for k, v in f.metadata.items() if v is not None and k != "expert"}}
            for f in dataclasses.fields(kind)
        ]

    listed = [
        {
            "name": name,
            "title": s.title,
            "tasks": list(s.tasks),
            "paper": s.paper,
            "semi_supervised": s.semi_supervised(s.Params()),
            "first_point": s.first_point(s.Params()) or "equal to random's",
            "differences": list(s.differences),
            "parameters": described(s.Params),
        }
        for name, s in STRATEGIES.items()
    ]
    presets = [dataclasses.asdict(preset) for preset in PRESETS.values()]
    return {"strategies": listed, "training": described(TrainParams), "presets": presets}


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", help="workspace folder (else ALCORE_HOME, else ./workspace)")
    common.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")
    parser = argparse.ArgumentParser(prog="python -m alcore", description="Label only the images worth labeling.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(
        name: str, run: Callable[[Workspace, argparse.Namespace], Answer] | None, text: str, project: bool = True
    ) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, parents=[common], help=text, description=text)
        sub.set_defaults(run=run)
        if project:
            sub.add_argument("--project", required=True)
        return sub

    sub = verb("quickstart", _quickstart, "bundled digits, 50 labels, one round, a query of 50", project=False)
    sub.add_argument("--strategy", default="mcdal")
    sub.add_argument("--device", default="auto")

    sub = verb("import", _import, "a new project from a folder, CSV or array file", project=False)
    sub.add_argument("source")
    sub.add_argument("--project")
    sub.add_argument("--dry-run", action="store_true", help="say what the source would be taken for, and write nothing")
    sub.add_argument("--format", default="auto")
    sub.add_argument("--task", default="auto", help="classification, segmentation, or auto: what the format is for")
    sub.add_argument("--truth", choices=("hidden", "labels"), default="hidden", help="given labels: hidden truth for an oracle, or labels")
    sub.add_argument("--hold-out", type=float, help="share held out for testing when there is no test split (0.2)")
    sub.add_argument("--image-size", type=int, default=0, help="side of the images models see; 0 chooses")
    sub.add_argument(
        "--cache",
        choices=("auto", "pack", "stream"),
        default="auto",
        help="pack: decode every image once into one file; stream: read the files when needed; auto: pack what takes at most a third of "
        "the free disk",
    )
    sub.add_argument("--classes", nargs="+", help="class names, for sources without labels, or of masks in the order of their values")
    sub.add_argument("--void", default="auto", help="the value of a mask that is void: auto, none, 0 or 255")
    sub.add_argument("--cut", default="aside", help="JPEGs that end too early: aside, or keep, gray where nothing is")
    sub.add_argument("--duplicates", default="apart", help="images of the pool whose very bytes are tested too: apart, or keep")
    sub.add_argument("--levels", metavar="LOW,HIGH", help="what becomes black and white in pictures of more than 8 bits")
    sub.add_argument("--again", action="store_true", help="read the project's source again; only what changed is decoded")

    sub = verb("train", _train, "one round: train, score the pool, select, map")
    sub.add_argument("--strategy", default="mcdal")
    sub.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the strategy or of training")
    sub.add_argument("--query-size", type=int, default=50)
    sub.add_argument("--seed", type=int)
    sub.add_argument("--device", default="auto")
    sub.add_argument("--resume", type=int, metavar="JOB", help="go on with an interrupted job")

    sub = verb("query", _query, "the queried batch with every score")
    sub.add_argument("--round", type=int)
    sub.add_argument("--csv")

    sub = verb("label", _label, "labels from the hidden truth or a CSV")
    how = sub.add_mutually_exclusive_group(required=True)
    how.add_argument("--from-truth", type=int, metavar="N", help="N items at random")
    how.add_argument("--query-from-truth", action="store_true", help="the open query")
    how.add_argument("--csv", help="a CSV with columns path,label")
    sub.add_argument("--annotator")
    sub.add_argument("--seed", type=int, default=0)

    sub = verb("delete", _delete, "removes a project, its labels and files; the source stays")
    sub.add_argument("--yes", action="store_true", help="do it: without, it says what would be removed")
    verb("status", _status, "counts, classes, rounds, running jobs")
    sub = verb("export", _export, "writes the labels in a public format")
    sub.add_argument("--format", required=True)
    sub.add_argument("--out", required=True)
    sub.add_argument("--splits", default="train,val,test", help="which go out; the held-out ones with the labels that came with them")
    sub = verb("doctor", _doctor, "checks environment, store and files", project=False)
    sub.add_argument("--project")
    sub.add_argument("--rebuild", action="store_true", help="derive current labels anew, and remove what killed work left")
    verb("strategies", _strategies, "every strategy with its parameters and their sources", project=False)
    sub = verb("simulate", None, "strategies side by side on labeled data, an oracle answering; resumable", project=False)
    simulating.add_arguments(sub)
    sub = verb("serve", None, "the app in a browser", project=False)
    serving.add_arguments(sub)
    return parser
