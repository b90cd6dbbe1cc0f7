"""The rows of changes, and what the journal makes of names that changed, against classes followed as objects."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from alcore.storage.classes import Classes
from alcore.storage.journal import Journal
from alcore.storage.queries import Queries
from alcore.storage.schema import projects
from tests.storage.rows import add_project, label, mark, states

pytestmark = pytest.mark.both_databases


def test_changes_are_kept_in_order_with_the_event_they_came_after(database, project, journal):
    of = Classes(database, project)
    other = add_project(database, "other", ["x.png"])
    assert (of.now(), of.newest(), of.lineage().changes) == (("cat", "dog"), 0, ())
    journal.record([label(1, 2)], ("cat", "dog"))
    with database.write() as conn:
        of.note(conn, "rename", "cat", "ann", "lion")
        Classes(database, other).note(conn, "add", "cow", "ben")
        of.note(conn, "look", "lion", "ben", {"key": "l"}, before={"key": ""})
    told = [(c.kind, c.name, c.value, c.before, c.after, c.annotator) for c in of.lineage().changes]
    assert told == [("rename", "cat", "lion", None, 1, "ann"), ("look", "lion", {"key": "l"}, {"key": ""}, 1, "ben")]
    assert of.newest() == of.lineage().changes[-1].id == 3


def test_labels_are_told_by_todays_names_and_kept_as_they_were_said(database, project, journal):
    journal.record([label(1, 2), label(2, 3, "dog")], ("cat", "dog"))
    rename(database, project, journal, "cat", "lion")
    journal.record([label(3, 4, "cat"), label(4, 5, "lion")], ("cat", "dog"))  # who said cat had not heard
    assert states(database) == {2: ("lion", False, False), 3: ("dog", False, False), 4: ("lion", False, False), 5: ("lion", False, False)}
    assert [(e["value"], e["said"]) for e in journal.events()] == [("lion", "cat"), ("dog", "dog"), ("lion", "lion"), ("lion", "lion")]
    assert [e["value"] for e in journal.of_item(2)] == ["lion"]
    assert [e.value for e in Queries(database, project).standing([2])[2]] == ["lion"]
    assert journal.differences() == 0
    assert journal.record([label(5, 6, "tiger")], ()) == ([], [{"seq": 5, "reason": "'tiger' is not a class of this project"}])


def test_what_an_author_saw_under_an_earlier_name_is_no_contradiction(database, project, journal):
    journal.record([label(1, 2, annotator="ann")], ("cat", "dog"))
    rename(database, project, journal, "cat", "lion")
    taken = journal.take([label(1, 2, "dog", client="other", annotator="ben", replaces="cat")], ("cat", "dog"))
    assert taken.conflicts == []
    assert states(database)[2][0] == "dog"


def test_two_opinions_that_were_merged_are_one(database, project, journal):
    classes = ("cat", "dog")
    journal.take([label(1, 2, annotator="ann", replaces="")], classes)
    assert journal.take([label(1, 2, "dog", client="other", annotator="ben", replaces="")], classes).conflicts
    assert Queries(database, project).disputed() == [2]
    rename(database, project, journal, "cat", "dog", kind="merge")
    assert Queries(database, project).disputed() == []
    assert (states(database)[2][0], journal.differences()) == ("dog", 0)


def rename(database, project: int, journal: Journal, name: str, to: str, kind: str = "rename") -> None:
    """What project/classes.py does with the rows of this room."""
    of = Classes(database, project)
    with database.write() as conn:
        change = of.note(conn, kind, name, "ann", to)
        journal.renamed(conn, change)
        now = [to if one == name else one for one in of.now(conn)]
        conn.execute(projects.update().where(projects.c.id == project).values(classes=list(dict.fromkeys(now))))


class Kind:
    """A class as an object: whoever holds it need not hear of its names."""

    def __init__(self, name: str) -> None:
        self.name, self.part_of = name, None

    @property
    def last(self) -> Kind:
        return self if self.part_of is None else self.part_of.last


def test_random_names_and_labels_give_what_objects_give(database):
    rng = np.random.default_rng(5)
    for trial in range(8):
        project = add_project(database, f"p{trial}", [f"{n}.png" for n in range(8)])
        journal, of = Journal(database, project), Classes(database, project)
        with database.read() as conn:
            ids = sorted(conn.scalars(sa.text(f"select id from items where project_id = {project}")))
        kinds = [Kind("cat"), Kind("dog")]
        merges: list[tuple[int, Kind, Kind]] = []
        said: dict[int, list[tuple[str, Kind | None]]] = {i: [] for i in ids}
        for seq in range(1, 60):
            what = rng.choice(["label", "undo", "rename", "merge", "back", "add"], p=[0.55, 0.1, 0.1, 0.08, 0.07, 0.1])
            names = [kind.name for kind in kinds]
            if what == "label":
                item, kind = int(rng.choice(ids)), kinds[int(rng.integers(len(kinds)))]
                assert journal.record([label(seq, item, kind.name)], names) == ([seq], [])
                said[item].append(("label", kind))
            elif what == "undo":
                item = int(rng.choice(ids))
                journal.record([mark(seq, item, "undo")])
                said[item] = said[item][:-1]
            elif what == "rename":
                kind, new = kinds[int(rng.integers(len(kinds)))], str(rng.choice(list("abcdefgh")))
                if new not in names:
                    rename(database, project, journal, kind.name, new)
                    kind.name = new
            elif what == "merge" and len(kinds) > 1:
                one, other = (kinds[int(at)] for at in rng.permutation(len(kinds))[:2])
                rename(database, project, journal, one.name, other.name, kind="merge")
                one.part_of = other
                merges.append((of.newest(), one, other))
                kinds.remove(one)
            elif what == "back" and merges:
                number, one, _ = merges.pop()
                if one.name not in names:
                    change = next(c for c in of.lineage().changes if c.id == number)
                    with database.write() as conn:
                        of.note(conn, "undo", one.name, "ann", number)
                        journal.derived_again(conn, of.lineage(conn).names_before(change))
                        conn.execute(projects.update().where(projects.c.id == project).values(classes=[*names, one.name]))
                    one.part_of = None
                    kinds.append(one)
            elif what == "add" and (new := str(rng.choice(list("abcdefgh")))) not in names:
                with database.write() as conn:
                    of.note(conn, "add", new, "ann")
                    conn.execute(projects.update().where(projects.c.id == project).values(classes=[*names, new]))
                kinds.append(Kind(new))
            expected = {i: events[-1][1].last.name for i, events in said.items() if events}
            assert {i: state[0] for i, state in states(database).items() if i in ids} == expected
        assert journal.differences() == 0
        assert journal.rebuild() == 0
