"""A project's masks in its database: a row each with size and pixel counts beside its file. Knows no page.

A file is written whole before its row is committed, so a row without its file does not occur and a file without a row does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from alcore.columns import Snapshot
from alcore.errors import disk_full_told
from alcore.pixels import maskfiles
from alcore.storage.database import Database, chunks
from alcore.storage.events import answered_items
from alcore.storage.schema import annotation_rows, current, events_of_query, items
from alcore.storage.schema import masks as mask_rows
from alcore.types import Round


class MaskStore:
    """The masks of one project. Safe to use from many threads.

    Args:
        folder: the project's.
    """

    def __init__(self, database: Database, project_id: int, folder: Path) -> None:
        self._database, self._project, self._folder = database, project_id, folder

    def keep(self, mask: np.ndarray, classes: int, within: sa.Connection | None = None) -> str:
        """Stores a mask (H, W) whose values were checked, perhaps `within` the caller's transaction; its digest. The same mask is stored
        once."""
        return self.settle(self.write(mask, classes), mask, within)

    def write(self, mask: np.ndarray, classes: int) -> dict[str, Any]:
        """The file of a mask, written if it is not there; the values of the row that `settle` stores."""
        with disk_full_told(self._folder, "the mask"):
            return maskfiles.keep(self._folder, mask, classes)[1]

    def settle(self, row: Mapping[str, Any], mask: np.ndarray, within: sa.Connection | None = None) -> str:
        """Stores the row of a mask whose file was written; its digest."""
        digest = str(row["digest"])
        with self._database.write(within) as conn:
            self.add([row], conn)
            # a file without a row is litter, and who removes it does so in such a transaction: here it is settled who came first
            if not maskfiles.is_whole(maskfiles.place(self._folder, digest)):
                self.write(mask, len(row["pixels"]) - 1)
        return digest

    def add(self, rows: Iterable[Mapping[str, Any]], within: sa.Connection | None = None) -> None:
        """Rows of masks whose files are there; those that are known already stay. Not `within` the caller's transaction they are stored in
        many."""
        wanted = {row["digest"]: {**row, "project_id": self._project} for row in rows}
        for digests in chunks(list(wanted)):
            with nullcontext(within) if within else self._database.turn() as conn:
                mine = (mask_rows.c.project_id == self._project, mask_rows.c.digest.in_(digests))
                known = set(conn.scalars(sa.select(mask_rows.c.digest).where(*mine)))
                if fresh := [wanted[d] for d in digests if d not in known]:
                    conn.execute(mask_rows.insert(), fresh)

    def remove_unnamed(self, files: Mapping[str, Path]) -> list[Path]:
        """Removes those files {digest: path} that no row names; which. Nobody can store such a mask meanwhile."""
        removed = []
        with self._database.write() as conn:
            for digests in chunks(list(files)):
                mine = (mask_rows.c.project_id == self._project, mask_rows.c.digest.in_(digests))
                known = set(conn.scalars(sa.select(mask_rows.c.digest).where(*mine)))
                for digest in digests:
                    if digest not in known:
                        files[digest].unlink(missing_ok=True)
                        removed.append(files[digest])
        return removed

    def digests(self) -> set[str]:
        """Of every mask that has a row."""
        with self._database.read() as conn:
            return set(conn.scalars(sa.select(mask_rows.c.digest).where(mask_rows.c.project_id == self._project)))

    def load(self, digest: str) -> np.ndarray:
        """The mask, (H, W) uint8. AlcoreError when its file is gone or damaged."""
        return maskfiles.load(self._folder, digest)

    def missing(self) -> list[str]:
        """Digests whose file is gone or cut short."""
        return [digest for digest in sorted(self.digests()) if not maskfiles.is_whole(maskfiles.place(self._folder, digest))]

    def misfits(self) -> dict[int, str]:
        """id -> path of images whose current mask has another size than the image: the file was replaced after it was painted."""
        here = (items.c.project_id == self._project, items.c.present, mask_rows.c.project_id == self._project)
        joined = current.join(items, items.c.id == current.c.item_id).join(mask_rows, mask_rows.c.digest == current.c.label)
        other = sa.or_(mask_rows.c.width != items.c.width, mask_rows.c.height != items.c.height)
        with self._database.read() as conn:
            return dict(
                conn.execute(sa.select(items.c.id, items.c.path).select_from(joined).where(*here, other).order_by(items.c.id)).all()
            )

    def fitting(self, snapshot: Snapshot) -> Snapshot:
        """The same with images whose mask does not fit them as skipped: neither labeled nor asked for."""
        misfits = np.isin(snapshot.ids, list(self.misfits()))
        labels = np.where(misfits, -1, snapshot.labels).astype(snapshot.labels.dtype)
        return replace(snapshot, labels=labels, skipped=snapshot.skipped | misfits, partial=snapshot.partial & ~misfits)

    def answered(self, round_: Round) -> set[int]:
        """Items whose regions somebody answered that the round asked for."""
        with self._database.read() as conn:
            return answered_items(conn.execute(events_of_query(round_.id)), round_.number, round_.created)

    def pixels(self, digests: Iterable[str]) -> dict[str, list[int]]:
        """digest -> pixels of each class, the last number those of void."""
        result: dict[str, list[int]] = {}
        with self._database.read() as conn:
            for part in chunks(sorted(set(digests))):
                mine = (mask_rows.c.project_id == self._project, mask_rows.c.digest.in_(part))
                result.update(conn.execute(sa.select(mask_rows.c.digest, mask_rows.c.pixels).where(*mine)).all())
        return result

    def events(self) -> list[tuple[int, str, str | None, int, float]]:
        """(item, kind, digest, clicks, time) of every event of the journal, oldest first."""
        a = annotation_rows.c
        query = sa.select(a.item_id, a.kind, a.value, sa.func.coalesce(a.clicks, 0), a.created)
        with self._database.read() as conn:
            return [tuple(r) for r in conn.execute(query.where(a.project_id == self._project).order_by(a.id))]
