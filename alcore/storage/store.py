"""The rows of projects, items and rounds in the database. Knows no images and no torch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from alcore.columns import Known, Snapshot
from alcore.errors import BadInput, NotFound
from alcore.storage.database import Database
from alcore.storage.schema import annotation_rows, current, items, jobs, masks, projects, queries, rounds, skipped
from alcore.types import Item, Round, Skipped

T = TypeVar("T")


ROWS = 5000  # rows of a block when there may be a million
CHUNK = 500  # ids a statement: below SQLite's oldest limit of 999 variables


class Store(Database):
    """The rows of one database; how it is opened, read and written is `Database`'s."""

    # ---- projects

    def project_names(self) -> list[str]:
        with self.read() as conn:
            return list(conn.scalars(sa.select(projects.c.name).order_by(projects.c.name)))

    def folders(self) -> dict[str, str]:
        """Folder -> name of every project."""
        with self.read() as conn:
            return {settings["folder"]: name for name, settings in conn.execute(sa.select(projects.c.name, projects.c.settings))}

    def project(self, name: str) -> dict[str, Any]:
        """The project's row, or NotFound naming those there are."""
        with self.read() as conn:
            row = conn.execute(sa.select(projects).where(projects.c.name == name)).mappings().first()
        if row is None:
            there = ", ".join(self.project_names()) or "none yet"
            raise NotFound(f"there is no project {name!r} (projects: {there})")
        return dict(row)

    def add_project(
        self, conn: sa.Connection, name: str, task: str, source: str, format_name: str, classes: Sequence[str], settings: Mapping[str, Any]
    ) -> int:
        """A new project's id, inside the caller's transaction; BadInput when the name is taken."""
        values = {"name": name, "task": task, "source": source, "format": format_name, "classes": list(classes), "settings": dict(settings)}
        try:
            return new_id(conn.execute(projects.insert().values(**values, created=time.time())))
        except sa.exc.IntegrityError:
            raise BadInput(f"a project {name!r} exists already: choose another name, or delete it first") from None

    def set_project(self, conn: sa.Connection, project_id: int, **values: Any) -> None:
        """Changes a project's row, inside the caller's transaction."""
        conn.execute(projects.update().where(projects.c.id == project_id).values(**values))

    def delete_project(self, project_id: int, name: str) -> None:
        """Removes the project with its items, journal and rounds, and jobs of its name: a later one of that name must not find them."""
        with self.write() as conn:
            conn.execute(jobs.delete().where(jobs.c.project == name))
            mine = sa.select(items.c.id).where(items.c.project_id == project_id).scalar_subquery()
            conn.execute(current.delete().where(current.c.item_id.in_(mine)))
            conn.execute(annotation_rows.delete().where(annotation_rows.c.project_id == project_id))
            conn.execute(queries.delete().where(queries.c.item_id.in_(mine)))
            for table in (rounds, skipped, masks, items):
                conn.execute(table.delete().where(table.c.project_id == project_id))
            conn.execute(projects.delete().where(projects.c.id == project_id))

    # ---- items

    def replace_items(self, conn: sa.Connection, project_id: int, rows: Iterable[Mapping[str, Any]], aside: Iterable[Skipped]) -> None:
        """All items of an import, inside the caller's transaction: known paths keep their id, missing ones are marked absent.

        `rows` and `aside` are read once and stored in blocks, so that a million need not exist at the same time.
        """
        conn.execute(items.update().where(items.c.project_id == project_id).values(present=False))
        known: dict[str, int] = {
            path: i for i, path in conn.execute(sa.select(items.c.id, items.c.path).where(items.c.project_id == project_id))
        }
        names = ("path", "split", "truth", "row", "width", "height", "fingerprint", "present")
        change = items.update().where(items.c.id == sa.bindparam("b_id")).values({n: sa.bindparam(n) for n in names})
        for part in _blocks(rows):
            fresh = [{**row, "project_id": project_id, "present": True} for row in part if row["path"] not in known]
            changed = [{**row, "b_id": known[row["path"]], "present": True} for row in part if row["path"] in known]
            if fresh:
                conn.execute(items.insert(), fresh)
            if changed:
                conn.execute(change, changed)
        conn.execute(skipped.delete().where(skipped.c.project_id == project_id))
        for some in _blocks(aside):
            conn.execute(skipped.insert(), [{"project_id": project_id, "path": s.path, "reason": s.reason} for s in some])

    def known_items(self, project_id: int) -> Known:
        """What an earlier import stored."""
        columns = (items.c.path, items.c.split, items.c.row, items.c.width, items.c.height, items.c.fingerprint, items.c.present)
        with self.read() as conn:
            return Known(_parts(conn, sa.select(*columns).where(items.c.project_id == project_id)))

    def ids_of(self, project_id: int, paths: Sequence[str], within: sa.Connection | None = None) -> dict[str, int]:
        """path -> id of those that are items."""
        result: dict[str, int] = {}
        with self.read(within) as conn:
            for start in range(0, len(paths), CHUNK):
                query = sa.select(items.c.path, items.c.id).where(items.c.project_id == project_id)
                result.update(conn.execute(query.where(items.c.path.in_(paths[start : start + CHUNK]))).all())
        return result

    def fingerprints(self, project_id: int) -> dict[int, str]:
        """id -> fingerprint of every item's file as it was imported last."""
        with self.read() as conn:
            return dict(conn.execute(sa.select(items.c.id, items.c.fingerprint).where(items.c.project_id == project_id)).all())

    def skipped(self, project_id: int) -> list[Skipped]:
        with self.read() as conn:
            query = sa.select(skipped.c.path, skipped.c.reason).where(skipped.c.project_id == project_id).order_by(skipped.c.id)
            return [Skipped(path, reason) for path, reason in conn.execute(query)]

    def item(self, project_id: int, item_id: int, within: sa.Connection | None = None) -> dict[str, Any]:
        """The item's row with its current label, or NotFound."""
        found = self.item_rows(project_id, [item_id], within)
        if not found:
            raise NotFound(f"there is no item {item_id} in this project")
        return found[item_id]

    def item_rows(self, project_id: int, ids: Sequence[int], within: sa.Connection | None = None) -> dict[int, dict[str, Any]]:
        """id -> row with label, skipped, flagged, partial, disputed; ids of other projects are left out."""
        result: dict[int, dict[str, Any]] = {}
        state = (current.c.label, current.c.skipped, current.c.flagged, current.c.partial, current.c.disputed)
        with self.read(within) as conn:
            for part in chunks(ids):
                query = sa.select(items, *state).outerjoin(current, current.c.item_id == items.c.id)
                for row in conn.execute(query.where(items.c.project_id == project_id, items.c.id.in_(part))).mappings():
                    result[row["id"]] = {**row, **{mark: bool(row[mark]) for mark in ("skipped", "flagged", "partial", "disputed")}}
        return result

    def snapshot(self, project_id: int) -> Snapshot:
        """Every present item, by id: what a round freezes."""
        columns = (items.c.id, items.c.split, items.c.truth, items.c.row)
        marks = (current.c.label, current.c.skipped, current.c.flagged, current.c.partial)
        query = sa.select(*columns, *marks).outerjoin(current, current.c.item_id == items.c.id)
        with self.read() as conn:
            return Snapshot.of(_parts(conn, query.where(items.c.project_id == project_id, items.c.present).order_by(items.c.id)))

    def pool_items(self, project_id: int) -> list[Item]:
        query = sa.select(items.c.id, items.c.path, items.c.split, items.c.truth).where(items.c.project_id == project_id, items.c.present)
        with self.read() as conn:
            return [Item(*row) for row in conn.execute(query.order_by(items.c.id))]

    def paths(self, project_id: int) -> dict[int, str]:
        """id -> path, absent ones too: old rounds still name them."""
        with self.read() as conn:
            return dict(conn.execute(sa.select(items.c.id, items.c.path).where(items.c.project_id == project_id)).all())

    def labels(self, project_id: int) -> dict[int, str]:
        """id -> current label, of those that have one."""
        query = sa.select(current.c.item_id, current.c.label).where(current.c.project_id == project_id, current.c.label.is_not(None))
        with self.read() as conn:
            return dict(conn.execute(query).all())

    def labeled_rows(self, project_id: int, given: bool = False) -> list[dict[str, Any]]:
        """The rows of all labeled items that are there, by id; with `given` those too that are held out, with the label they came with."""
        label, truth = current.c.label, items.c.truth
        columns = sa.func.coalesce(label, truth).label("label"), sa.func.coalesce(current.c.annotator, "given").label("annotator")
        query = sa.select(items, *columns).outerjoin(current, current.c.item_id == items.c.id)
        held_out = (items.c.split != "pool") & truth.is_not(None) & sa.literal(given)
        with self.read() as conn:
            mine = (items.c.project_id == project_id, items.c.present, label.is_not(None) | held_out)
            found = conn.execute(query.where(*mine).order_by(items.c.id))
            return [dict(r) for r in found.mappings()]

    def labeled_count(self, project_id: int) -> int:
        """How many items have a label: the same number as in `counts`."""
        query = sa.select(sa.func.count()).select_from(current.join(items, items.c.id == current.c.item_id))
        mine = (items.c.project_id == project_id, items.c.present, items.c.split == "pool", current.c.label.is_not(None))
        with self.read() as conn:
            return int(conn.scalar(query.where(*mine)) or 0)

    def counts(self, project_id: int) -> dict[str, Any]:
        """items, splits, labeled, partial of these, skipped, flagged, set_aside; labels and truth by class. Of the pool, except splits."""
        present = (items.c.project_id == project_id, items.c.present)
        joined = current.join(items, items.c.id == current.c.item_id)
        pool = (*present, items.c.split == "pool")
        count = sa.func.count()
        with self.read() as conn:
            splits: dict[str, int] = dict(conn.execute(sa.select(items.c.split, count).where(*present).group_by(items.c.split)).all())
            labels: dict[str, int] = dict(
                conn.execute(
                    sa.select(current.c.label, count)
                    .select_from(joined)
                    .where(*pool, current.c.label.is_not(None))
                    .group_by(current.c.label)
                ).all()
            )
            marks = conn.execute(
                sa.select(*(sa.func.sum(sa.case((mark, 1), else_=0)) for mark in (current.c.skipped, current.c.flagged, current.c.partial)))
                .select_from(joined)
                .where(*pool)
            ).one()
            known = conn.execute(
                sa.select(items.c.split, items.c.truth, count).where(*present).group_by(items.c.split, items.c.truth)
            ).all()
            aside = conn.scalar(sa.select(count).select_from(skipped).where(skipped.c.project_id == project_id))
        truth: dict[str, dict[str, int]] = {}
        for split, name, number in known:
            if name is not None:
                truth.setdefault(split, {})[name] = number
        return {
            "items": sum(splits.values()),
            "splits": splits,
            "labeled": sum(labels.values()),
            "labels": labels,
            "skipped": int(marks[0] or 0),
            "flagged": int(marks[1] or 0),
            "partial": int(marks[2] or 0),
            "truth": truth,
            "set_aside": int(aside or 0),
        }

    def samples(self, project_id: int, names: Sequence[str] | None, n: int) -> dict[str | None, tuple[int, list[tuple[int, str, str]]]]:
        """By label or, without one, truth (None: neither), for `names` and None: how many items, and (id, path, fingerprint) of `n`.
        Without names all items are one group, None.

        One pass over the items, whatever the number of classes; the samples are spread evenly over each class.
        """
        known = (sa.null() if names is None else sa.func.coalesce(current.c.label, items.c.truth)).label("known")
        at = sa.func.row_number().over(partition_by=known, order_by=items.c.id).label("at")
        size = sa.func.count().over(partition_by=known).label("size")
        numbered = sa.select(items.c.id, items.c.path, items.c.fingerprint, known, at, size)
        numbered = numbered.select_from(items.outerjoin(current, current.c.item_id == items.c.id))
        found = numbered.where(
            items.c.project_id == project_id, items.c.present, sa.or_(known.is_(None), known.in_(names or ()))
        ).subquery()
        step = sa.case((found.c.size <= n, 1), else_=found.c.size // n)
        picked = sa.select(found).where(found.c.at % step == 0, found.c.at <= n * step).order_by(found.c.id)
        result: dict[str | None, tuple[int, list[tuple[int, str, str]]]] = {}
        with self.read() as conn:
            for item, path, fingerprint, name, _, count in conn.execute(picked):
                result.setdefault(name, (count, []))[1].append((item, path, fingerprint))
        return result

    def label_times(self, project_id: int) -> list[tuple[str, int]]:
        """(annotator, milliseconds) of every label event that says how long it took."""
        query = sa.select(annotation_rows.c.annotator, annotation_rows.c.ms).where(annotation_rows.c.project_id == project_id)
        with self.read() as conn:
            labels = annotation_rows.c.kind.in_(("label", "mask", "region"))
            return [tuple(r) for r in conn.execute(query.where(labels, annotation_rows.c.ms.is_not(None)))]

    # ---- rounds

    def add_round(self, project_id: int, values: Mapping[str, Any], query: Sequence[int]) -> int:
        """A round with its query, in one transaction; the id."""
        with self.write() as conn:
            last = conn.scalar(sa.select(sa.func.max(rounds.c.number)).where(rounds.c.project_id == project_id))
            number = 0 if last is None and values["strategy"].startswith("start:") else (last or 0) + 1
            row = conn.execute(rounds.insert().values(project_id=project_id, number=number, created=time.time(), **values))
            round_id = new_id(row)
            rows = [{"round_id": round_id, "position": i, "item_id": int(item)} for i, item in enumerate(query)]
            if rows:
                conn.execute(queries.insert(), rows)
            return round_id

    def update_round(self, round_id: int, **values: Any) -> None:
        with self.write() as conn:
            conn.execute(rounds.update().where(rounds.c.id == round_id).values(**values))

    def rounds(self, project_id: int, project: str, number: int | None = None) -> list[Round]:
        """All rounds by number, with their queries; or the one of that number."""
        where = (rounds.c.project_id == project_id, *(() if number is None else (rounds.c.number == number,)))
        with self.read() as conn:
            rows = conn.execute(sa.select(rounds).where(*where).order_by(rounds.c.number)).mappings().all()
            asked: dict[int, list[int]] = {}
            mine = sa.select(rounds.c.id).where(*where).scalar_subquery()
            query = (
                sa.select(queries.c.round_id, queries.c.item_id)
                .where(queries.c.round_id.in_(mine))
                .order_by(queries.c.round_id, queries.c.position)
            )
            for round_id, item in conn.execute(query):
                asked.setdefault(round_id, []).append(item)
        names = ("id", "number", "strategy", "params", "train", "seed", "labeled", "metrics", "seconds", "device", "folder", "created")
        return [Round(project=project, query=tuple(asked.get(r["id"], ())), **{n: r[n] for n in names}) for r in rows]


def new_id(inserted: sa.CursorResult[Any]) -> int:
    """The primary key an insert made."""
    return int((inserted.inserted_primary_key or [0])[0])


def _blocks(rows: Iterable[T]) -> Iterator[list[T]]:
    """The rows a few thousand at a time."""
    rest = iter(rows)
    while part := list(islice(rest, ROWS)):
        yield part


def _parts(conn: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[sa.Row[Any]]]:
    """What a query finds, a few thousand rows at a time."""
    return conn.execution_options(yield_per=ROWS).execute(query).partitions()


def chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield [int(i) for i in ids[start : start + CHUNK]]
