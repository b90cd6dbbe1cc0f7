"""A workspace's rows in another database, its files where they are. Knows no SQL."""

from __future__ import annotations

from typing import Any

from alcore.errors import AlcoreError
from alcore.jobs.processes import process_words
from alcore.project.place import Place
from alcore.storage.database import Database, database_url
from alcore.storage.moving import JOURNAL, content, move


def move_database(place: Place, address: str) -> dict[str, Any]:
    """Moves every row to the database of an SQLAlchemy address, or into the workspace's own file for "sqlite"; how many rows each table
    has, and the journal's digest, which both databases have.

    Raises:
        AlcoreError: a job is running, there is something in that database, or it cannot be reached; nothing is changed then.
    """
    for job, owner in place.job_rows.at_work().items():
        raise AlcoreError(f"job {job} runs in {process_words(owner)}: stop the app and all jobs first")
    target = Database(database_url(place.home, None if address == "sqlite" else address))
    try:
        moved = move(place.database, target)
        return {"to": target.shown, "rows": moved.rows, "journal": moved.digests[JOURNAL]}
    finally:
        target.close()


def journal_digest(place: Place) -> str:
    """Of every event of every project; the same after a move, and after a restored backup."""
    return content(place.database).digests[JOURNAL]
