"""The three roles, and what each may do."""

from __future__ import annotations

from enum import IntEnum

from alcore.errors import BadInput, Forbidden


class Role(IntEnum):
    """Who comes later may do what those before may, and more."""

    VIEWER = 1
    ANNOTATOR = 2
    OWNER = 3

    @property
    def word(self) -> str:
        """viewer, annotator or owner."""
        return self.name.lower()

    def check(self, needed: Role) -> None:
        """
        Raises:
            Forbidden: what is asked for needs a higher role than this.
        """
        if self < needed:
            raise Forbidden(f"this takes the role {needed.word}, and yours is {self.word}: ask an owner")


# what a role adds to the one before it
MAY = {
    Role.VIEWER: "look at images, labels, scores and charts, and write files of them",
    Role.ANNOTATOR: "label, skip, flag, paint masks, write notes, ask for images, and take their own labels back",
    Role.OWNER: "import, train, change classes, hold images out, delete, open a class, and let people in",
}


def role_named(word: str) -> Role:
    """
    Raises:
        BadInput: there is no such role.
    """
    try:
        return Role[word.strip().upper()]
    except KeyError:
        raise BadInput(f"{word!r} is no role: take {', '.join(role.word for role in Role)}") from None
