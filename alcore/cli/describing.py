"""The verb `metadata`: a table of columns beside a project's images, and the column by which whole groups are held out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alcore.errors import BadInput

if TYPE_CHECKING:
    from alcore.project.facade import Workspace


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """What `metadata` takes."""
    sub.add_argument("file", nargs="?", help="a CSV, JSON, JSON lines or Parquet file with a column of paths or file names")
    sub.add_argument("--path-column", default="", metavar="NAME", help="the column that names the images (the first called path, file, …)")
    sub.add_argument("--dry-run", action="store_true", help="say how the table fits the images, and keep nothing")
    sub.add_argument("--remove", action="store_true", help="take the columns away, and with them the groups")
    sub.add_argument("--group-by", metavar="NAME", help='hold out whole groups of a column: a patient, a camera; "" for none')


def run(workspace: Workspace, args: argparse.Namespace) -> Mapping[str, Any]:
    """Looks at a table, keeps it, chooses the column of groups, or tells what there is."""
    from alcore.project import metadata, slices  # load the database library: --help does without

    project = workspace.project(args.project)
    if args.remove and (args.file or args.group_by):
        raise BadInput("--remove takes everything away: give no table and no --group-by beside it")
    if args.dry_run and not args.file:
        raise BadInput("--dry-run looks at a table: name its file")
    if args.remove:
        metadata.remove(project)
    answer: dict[str, Any] = {"project": project.name}
    if args.file:
        seen = metadata.look(project, Path(args.file), key=args.path_column)
        answer |= seen.answer()
        if args.dry_run:
            return answer | {"kept": False}
        metadata.attach(project, seen)
    if args.group_by is not None:
        metadata.group_by(project, args.group_by)
    kept, held = project.settings.get(metadata.KEPT), slices.held_groups(project)
    answer |= {"kept": bool(kept), "group_by": metadata.grouped_by(project)}
    if kept and not args.file:
        answer |= {"source": kept["source"], "rows": kept["rows"], "columns": kept["columns"]}
    return answer | ({"held_out": held.words()} if held else {})
