"""The command line: each verb prints a line for people or, with --json, one JSON object. What the verbs do stands in verbs.py."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from alcore.cli import account as accounting
from alcore.cli import describing
from alcore.cli import predict as predicting
from alcore.cli import simulate as simulating
from alcore.cli.terminal import print_answer
from alcore.door import serve as serving
from alcore.errors import AlcoreError, BadInput, of_machine
from alcore.progress import Line, on_stderr

Answer = Mapping[str, Any]

GOES_ON = "goes on from the last checkpoint"
NOTHING = "nothing was written"
INTERRUPTED = {
    "simulate": f"the same command {GOES_ON}",
    "features": "what was made is kept, and the same command makes the rest",
    **dict.fromkeys(("predict", "score", "export"), NOTHING),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb. Returns 0; 2 for what the user can cure, with one line on stderr; a bug raises, which exits with 1."""
    args = _parser().parse_args(arguments)
    try:
        if args.verb == "serve":
            return serving.run(args)
        answer: Answer
        if args.verb == "simulate":
            answer = simulating.run(args, on_stderr())
        elif args.verb == "predict" and args.model:
            answer = predicting.by_file(args, Line())
        elif args.verb == "import" and args.dry_run:
            from alcore.cli.verbs import dry_run  # as below

            answer = dry_run(args)
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
        print(f"alcore: interrupted; {INTERRUPTED.get(args.verb, f'`train --resume JOB` {GOES_ON}')}", file=sys.stderr)
        return 130
    if not answer:  # of a process that helped another with its training
        return 0
    try:
        if args.json:
            print(json.dumps(answer))
        else:
            print_answer(answer)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough, as `head` has; the interpreter would complain of it at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if answer.get("ok", True) else 2


def _ended(problem: AlcoreError) -> int:
    print(f"alcore: {problem}", file=sys.stderr)
    return 2


def _in_workspace(args: argparse.Namespace) -> Answer:
    from alcore.cli.verbs import VERBS  # loads torch
    from alcore.project.facade import Workspace  # loads the database library: --help, serve and simulate do without

    workspace = Workspace(args.home)
    try:
        return VERBS[args.verb](workspace, args)
    finally:
        workspace.close()


def _spread(parser: argparse.ArgumentParser) -> None:
    """The arguments of a verb whose work a cluster may share out."""
    parser.add_argument("--on", default="", choices=["ray"], help="spread the work over a Ray cluster, whose machines all see the images")
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="with --on: the most processes at a time (all there is room for)"
    )


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", help="workspace folder (else ALCORE_HOME, else ./workspace)")
    common.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")
    parser = argparse.ArgumentParser(prog="python -m alcore", description="Label only the images worth labeling.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, text: str, project: bool = True) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, parents=[common], help=text, description=text)
        if project:
            sub.add_argument("--project", required=True)
        return sub

    sub = verb("quickstart", "bundled digits, 50 labels, one round, a query of 50", project=False)
    sub.add_argument("--strategy", default="mcdal")
    sub.add_argument("--device", default="auto")

    sub = verb("import", "a new project from a folder, CSV or array file, or what lies at an address (https://…, s3://…)", project=False)
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
    sub.add_argument(
        "--rename",
        action="append",
        default=[],
        metavar='"NAMES = CLASS"',
        help="classes of the source under another name: kitty, Cat = cat; nothing behind = leaves them out; or a text file of such lines",
    )
    sub.add_argument("--void", default="auto", help="the value of a mask that is void: auto, none, 0 or 255")
    sub.add_argument("--cut", default="aside", help="JPEGs that end too early: aside, or keep, gray where nothing is")
    sub.add_argument("--duplicates", default="apart", help="images of the pool whose very bytes are tested too: apart, or keep")
    sub.add_argument("--levels", metavar="LOW,HIGH", help="what becomes black and white in pictures of more than 8 bits")
    sub.add_argument("--metadata", default="", metavar="FILE", help="a table of columns that describe the images; see the verb metadata")
    sub.add_argument("--group-by", default="", metavar="NAME", help="a column of it: whole groups are held out, never a part of one")
    sub.add_argument("--again", action="store_true", help="read the project's source again; only what changed is decoded")

    sub = verb("features", "what a pretrained network sees in each image, made once: rounds on it take seconds")
    sub.add_argument("--extractor", default="lite0", help="lite0, lite2, timm:NAME, torchvision:NAME or onnx:PATH")
    sub.add_argument("--device", default="auto")
    _spread(sub)

    sub = verb("train", "one round: train, score the pool, select, map")
    sub.add_argument("--strategy", default="mcdal")
    sub.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the strategy or of training")
    sub.add_argument("--query-size", type=int, default=50)
    sub.add_argument("--seed", type=int)
    sub.add_argument("--device", default="auto")
    sub.add_argument("--resume", type=int, metavar="JOB", help="go on with an interrupted job")

    sub = verb("query", "the queried batch with every score")
    sub.add_argument("--round", type=int)
    sub.add_argument("--csv")

    sub = verb("score", "every image that may be asked for, ranked by a model that there is; trains and stores nothing")
    sub.add_argument("--round", type=int, metavar="N", help="whose model; else the newest")
    sub.add_argument("--query-size", type=int, default=50)
    sub.add_argument("--csv", metavar="FILE", help="a table of all images, most wanted first")
    sub.add_argument("--device", default="auto")
    _spread(sub)

    sub = verb("slice", "draws images to be tested on: people label them, nothing trains on them")
    sub.add_argument("--size", type=int, default=100, metavar="N", help="how many there are to be, 0 to 500")
    sub.add_argument("--seed", type=int, default=0)

    sub = verb("metadata", "columns that describe the images, from a table; whole groups of one are held out")
    describing.add_arguments(sub)

    sub = verb("label", "labels from the hidden truth or a CSV")
    how = sub.add_mutually_exclusive_group(required=True)
    how.add_argument("--from-truth", type=int, metavar="N", help="N items at random")
    how.add_argument("--query-from-truth", action="store_true", help="the open query")
    how.add_argument("--slice-from-truth", action="store_true", help="what waits of the test slice")
    how.add_argument("--csv", help="a CSV with columns path,label")
    sub.add_argument("--annotator")
    sub.add_argument("--seed", type=int, default=0)

    sub = verb("delete", "removes a project, its labels and files; the source stays")
    sub.add_argument("--yes", action="store_true", help="do it: without, it says what would be removed")
    verb("status", "counts, classes, rounds, running jobs")
    sub = verb("export", "writes the labels in a public format, or the newest model as one file")
    sub.add_argument(
        "--format",
        required=True,
        help="csv, parquet, folder, hf, imagefolder, webdataset, fiftyone, labelstudio, cvat; camvid, coco, … of masks; onnx: the model",
    )
    sub.add_argument("--out", required=True)
    sub.add_argument("--with-predictions", action="store_true", help="every image, the unlabeled ones by the model: csv, parquet, folder")
    above = sub.add_mutually_exclusive_group()
    above.add_argument(
        "--above", type=float, metavar="P", help="accept guesses of at least this confidence; the others stay without a label"
    )
    above.add_argument(
        "--promise", type=float, metavar="P", help="accept as many as the test slice shows to be right in at least this share"
    )
    sub.add_argument("--every-column", action="store_true", help="csv or parquet of every image with all that is known of it, scores too")
    sub.add_argument("--link", action="store_true", help="with --with-predictions in folders: hard links instead of copies")
    sub.add_argument("--splits", default="train,val,test", help="which go out; the held-out ones with the labels that came with them")
    sub = verb("push", "the labels with their images as a data set on the Hugging Face hub; only this verb sends anything there")
    sub.add_argument("repository", metavar="OWNER/NAME")
    sub.add_argument("--format", default="", help="what export writes as files or folders (hf: Parquet with the images)")
    sub.add_argument("--splits", default="train,val,test", help="which go out")
    sub.add_argument("--public", action="store_true", help="a data set that is made may be read by everybody; else by its owner alone")
    sub = verb("predict", "what a model says of images that are in no project", project=False)
    predicting.add_arguments(sub)
    sub = verb("doctor", "checks environment, store and files", project=False)
    sub.add_argument("--project")
    sub.add_argument("--rebuild", action="store_true", help="derive current labels anew, and remove what killed work left")
    sub = verb("account", "who may come in: accounts with roles, invitations, tokens", project=False)
    accounting.add_arguments(sub)
    sub = verb("move-database", "moves all rows to another database, such as a team's PostgreSQL; stop the app first", project=False)
    sub.add_argument("address", help="an SQLAlchemy address of an empty database, or sqlite: the workspace's own file")
    verb("strategies", "every strategy with its parameters and their sources", project=False)
    sub = verb("simulate", "strategies side by side on labeled data, an oracle answering; resumable", project=False)
    simulating.add_arguments(sub)
    sub = verb("serve", "the app in a browser", project=False)
    serving.add_arguments(sub)
    return parser
