"""What people write about an image for others to read, beside what is in it: kept in the journal, the newest counts."""

from __future__ import annotations

import uuid

from alcore.errors import BadInput
from alcore.project.stored import Stored
from alcore.types import REMARK

LONGEST = 400  # characters: as much as the journal takes in a value


def write(project: Stored, item_id: int, text: str, *, annotator: str, client: str | None = None) -> str:
    """Notes a text of an image, and gives it as it is kept; an empty one takes the note away.

    Args:
        client: its name, of a browser that may have to send it again.

    Raises:
        NotFound: there is no such item.
        BadInput: it is too long.
    """
    project.items.row(item_id)
    words = " ".join(text.split())
    if len(words) > LONGEST:
        raise BadInput(f"a note of {len(words):,} characters is too long: use up to {LONGEST}")
    if not all(character.isprintable() for character in words):
        raise BadInput("a note takes printable characters alone")
    project.journal.note(REMARK, [item_id], annotator, client or f"note-{uuid.uuid4().hex[:16]}", words or None)
    return words


def of(project: Stored, item_id: int) -> str:
    """What stands on an image's note; empty without one."""
    return project.queries.remarks([item_id]).get(item_id, "")
