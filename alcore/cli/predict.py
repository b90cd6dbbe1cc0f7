"""The verb `predict`: its arguments and its answer. A model's file needs neither a workspace nor the database."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alcore.errors import BadInput
from alcore.progress import Report

if TYPE_CHECKING:
    from alcore.project.facade import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("folder", metavar="FOLDER", help="images at any depth below it are looked at; nothing is imported")
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--project", metavar="NAME", help="the newest model of a project, or that of --round")
    model.add_argument("--model", metavar="FILE.onnx", help="a model that `export --format onnx` wrote; needs onnxruntime")
    parser.add_argument("--round", type=int, metavar="N", help="with --project: the model of an earlier round")
    parser.add_argument("--out", default="predictions.csv", help="a new CSV: path, label, confidence (predictions.csv)")
    parser.add_argument("--above", type=float, default=0.0, metavar="P", help="the label stays empty where the confidence is lower")
    parser.add_argument("--device", default="auto", help="with --project: auto, cpu or cuda:0; a model's file runs on the CPU")


def by_file(args: argparse.Namespace, report: Report) -> dict[str, Any]:
    """Guesses by a model's file."""
    from alcore.extractors.carried import CarriedModel  # loads torch
    from alcore.project.newcomers import check, predict_folder

    folder, out = Path(args.folder).expanduser(), Path(args.out).expanduser()
    if args.round is not None:
        raise BadInput(f"--round {args.round} is about a project's rounds, and a model's file has one: leave it out, or name a --project")
    check(folder, out, args.above)
    return predict_folder(CarriedModel(Path(args.model).expanduser()), folder, out, args.above, report)


def by_project(workspace: Workspace, args: argparse.Namespace, report: Report) -> dict[str, Any]:
    """Guesses by a model of a project."""
    from alcore.project.carrying import ProjectModel
    from alcore.project.newcomers import check, predict_folder

    project, folder, out = workspace.project(args.project), Path(args.folder).expanduser(), Path(args.out).expanduser()
    check(folder, out, args.above)
    return predict_folder(ProjectModel(project, args.device, report, args.round), folder, out, args.above, report)
