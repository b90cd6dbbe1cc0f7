"""PostgreSQL keeps the promises that SQLite makes: one writer, reads of one state, names in the order of bytes, sentences for what it refuses."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from alcore.errors import AlcoreError, BadInput, DiskFull, Unavailable
from alcore.storage import postgres, schema
from alcore.storage.database import Database
from alcore.storage.importrows import ImportRows
from alcore.storage.items import Items
from alcore.storage.journal import Journal
from alcore.storage.projects import Projects
from alcore.storage.queries import Queries
from alcore.storage.schema import annotation_rows, projects
from benchmarks.postgres import server
from tests.storage.rows import add_project, applied_names, journal_rows, label, make_first, mark, row, states

CLASSES = ("cat", "dog")
PATIENCE = 60


@pytest.fixture
def opened(empty_database):
    """`opened()` is one more Database of it, as another process has it."""
    made: list[Database] = []

    def open_it(**options) -> Database:
        made.append(Database(empty_database, **options))
        return made[-1]

    yield open_it
    for database in made:
        database.close()


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://me@host/db", "postgresql+psycopg://me@host/db"),
        ("postgres://me@host/db?a=b", "postgresql+psycopg://me@host/db?a=b"),
        ("postgresql+psycopg2://me@host/db", "postgresql+psycopg2://me@host/db"),
        ("sqlite:////tmp/x", None),
    ],
)
def test_an_address_without_a_driver_gets_the_one_that_is_there(given, used):
    assert postgres.address(given) == used


def test_a_new_database_may_be_opened_by_many_at_once(empty_database):
    barrier = threading.Barrier(5)

    def open_it(_):
        barrier.wait(PATIENCE)
        database = Database(empty_database)
        names, name = applied_names(database), database.identity()
        database.close()
        return names, name

    with ThreadPoolExecutor(5) as threads:
        found = list(threads.map(open_it, range(5)))
    assert [names for names, _ in found] == [[name for name, _ in schema.MIGRATIONS]] * 5
    assert len({name for _, name in found}) == 1


def test_there_is_one_writer_over_all_processes_and_events_become_visible_in_their_order(opened):
    """Each of four stores adds 25 events; whoever looks meanwhile never misses one below the newest that it saw."""
    stores = [opened() for _ in range(4)]
    project = add_project(stores[0], "pets", ["a.png"])
    seen: list[int] = []
    done, start = threading.Event(), threading.Barrier(5)

    def write(at: int) -> None:
        start.wait(PATIENCE)
        for seq in range(1, 26):
            Journal(stores[at], project).record([label(seq, 1, client=f"c{at}")], CLASSES)

    def look() -> None:
        reader, after = opened(), 0
        start.wait(PATIENCE)
        while True:
            last = done.is_set()
            with reader.read() as conn:
                found = list(
                    conn.scalars(sa.select(annotation_rows.c.id).where(annotation_rows.c.id > after).order_by(annotation_rows.c.id))
                )
            seen.extend(found)
            after = found[-1] if found else after
            if last:
                return

    with ThreadPoolExecutor(5) as threads:
        looking = threads.submit(look)
        for one in [threads.submit(write, at) for at in range(4)]:
            one.result(PATIENCE)
        done.set()
        looking.result(PATIENCE)
    with stores[0].read() as conn:
        assert seen == list(conn.scalars(sa.select(annotation_rows.c.id).order_by(annotation_rows.c.id)))
    assert len(seen) == 100


def test_a_read_sees_one_state_whatever_is_written_meanwhile(opened):
    database, other = opened(), opened()
    project = add_project(database, "pets", ["a.png"])
    with database.read() as conn:
        before = conn.scalar(sa.select(projects.c.name))
        with other.write() as writer:
            Projects(other).set(writer, project, name="others")
        assert (before, conn.scalar(sa.select(projects.c.name))) == ("pets", "pets")
        with pytest.raises(sa.exc.InternalError, match="read-only transaction"):
            conn.execute(projects.delete())
    assert Projects(database).names() == ["others"]


def test_what_a_writer_looked_at_stays_as_it_is_until_it_has_written(opened):
    """Two who each read a number and store one more: none of them is lost."""
    stores = opened(), opened()
    project, start = add_project(stores[0], "0", ["a.png"]), threading.Barrier(2)

    def count(at: int) -> None:
        start.wait(PATIENCE)
        for _ in range(20):
            with stores[at].write() as conn:
                number = int(conn.scalar(sa.select(projects.c.name)))
                Projects(stores[at]).set(conn, project, name=str(number + 1))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(count, range(2)))
    assert Projects(stores[0]).names() == ["40"]


def test_a_lock_of_another_process_is_waited_for_and_then_named(opened):
    database, other = opened(patience=0.05), opened()
    with other.write():
        with pytest.raises(Unavailable, match=r"another program has written to the database .* for 0\.05 s\. Try again when it is done"):
            add_project(database, "pets", ["a.png"])
        assert Projects(database).names() == []  # reading goes on
    add_project(database, "pets", ["a.png"])


def test_names_are_in_the_order_of_their_bytes_as_in_sqlite(opened):
    database = opened()
    names = ["b", "a", "Z", "ä", "_", "1", "A b", "é"]
    for name in names:
        add_project(database, name, ["x.png"])
    assert Projects(database).names() == sorted(names, key=str.encode) == ["1", "A b", "Z", "_", "a", "b", "ä", "é"]


def test_what_no_column_takes_is_a_sentence_and_long_names_and_numbers_are_taken(opened):
    database = opened()
    project = add_project(database, "pets", ["a.png"])
    journal = Journal(database, project)
    with pytest.raises(BadInput, match=r"cannot store this: PostgreSQL text fields cannot contain NUL .0x00. bytes\. Leave that out"):
        journal.note("remark", [1], "ann", "w", "a\0b")
    assert journal_rows(database) == []
    journal.note("remark", [1], "ann" * 300, "w", "x" * 5000)
    journal.record([mark(2**53, 1, "flag", ms=2**40)], CLASSES)
    assert [(len(kept[4]), kept[6], kept[8]) for kept in journal_rows(database)] == [(900, 1, None), (0, 2**53, 2**40)]
    assert Items(database, project).rows([2**52]) == {}
    assert Queries(database, project).open(2**52) is None


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        ("53100", DiskFull, "the disk of the database is full: nothing was stored"),
        ("55P03", Unavailable, "another program has written to the database db for 2 s"),
        ("57P01", Unavailable, r"the database db does not answer \(terminating\)\. Nothing is lost"),
        (None, Unavailable, "the database db does not answer"),
        ("42P01", None, ""),
    ],
)
def test_what_the_server_refuses_is_a_sentence_and_a_bug_is_none(state, kind, words):
    class Wrong(Exception):
        sqlstate = state

    told = postgres.trouble(Wrong("terminating\nmore"), "db", 2.0)
    if kind is None:
        assert told is None
    else:
        with pytest.raises(kind, match=words):
            raise told


def test_who_may_not_make_tables_is_told_and_a_password_is_not(postgres_server, empty_database):
    name = empty_database.partition("@/")[2].partition("?")[0]
    postgres_server.sql("DROP ROLE IF EXISTS guest")
    postgres_server.sql("CREATE ROLE guest LOGIN PASSWORD 'secret-word'")
    with pytest.raises(AlcoreError, match="permission denied for schema public.*Check that its user may make tables in it") as refused:
        Database(f"postgresql://guest:secret-word@/{name}?host={postgres_server.folder}")
    assert "secret-word" not in str(refused.value)
    with pytest.raises(Unavailable, match='database "nowhere" does not exist'):
        Database(postgres_server.address("nowhere"))


def test_a_database_as_earlier_versions_made_it_is_brought_up(postgres_server, empty_database, opened):
    """Text of limited length in the order of a language, numbers of 32 bits, and none of what came with the later migrations."""
    engine = sa.create_engine(empty_database)
    old = sa.MetaData()
    for table in schema.meta.sorted_tables:
        table.to_metadata(old)
    for table in old.tables.values():
        for column in table.columns:
            column.type = sa.Integer() if isinstance(column.type, sa.Integer) else column.type
            column.type = sa.String(getattr(column.type, "length", None) or 400) if isinstance(column.type, sa.String) else column.type
    with engine.begin() as conn:
        old.create_all(conn)
        make_first(conn)
    engine.dispose()
    database = opened()
    assert applied_names(database) == [name for name, _ in schema.MIGRATIONS]
    assert Items(database, 1).row(1)["label"] == "a"
    journal = Journal(database, 1)
    journal.record([label(2**40, 1, "a", annotator="n" * 300)], ("a",))
    assert (journal.differences(), states(database)) == (0, {1: ("a", False, False)})
    with database.read() as conn:
        assert conn.scalar(sa.select(schema.rounds.c.classes)) == ["a"]
    new = postgres_server.make("alcore")
    fresh = Database(postgres_server.address(new))
    assert types_of(database) == types_of(fresh)
    fresh.close()
    postgres_server.drop(new)


def types_of(database: Database) -> dict[tuple[str, str], tuple[str, str | None]]:
    with database.read() as conn:
        found = conn.exec_driver_sql(
            "SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns WHERE table_schema = 'public'"
        )
        return {(table, column): (kind, collation) for table, column, kind, collation in found}


def test_all_numbers_have_64_bits_and_all_texts_the_order_of_bytes(opened):
    found = types_of(opened())
    assert {kind for (_, column), (kind, _) in found.items() if column in ("id", "seq", "item_id")} == {"bigint"}
    assert {collation for kind, collation in found.values() if kind == "text"} == {"C"}


@pytest.mark.slow
def test_a_server_that_is_restarted_is_met_again_and_nothing_acknowledged_is_lost():
    with server() as own:
        database = Database(own.address(own.make()))
        project = add_project(database, "pets", ["a.png"])
        journal, acked = Journal(database, project), []
        for seq, away in enumerate((own.kill, lambda: own.stop("immediate"), own.stop, None), 1):
            acked += journal.record([label(seq, 1)], CLASSES)[0]
            if away is not None:
                away()
                with pytest.raises(Unavailable, match="does not answer"):
                    journal.record([label(100 + seq, 1)], CLASSES)
                with pytest.raises(Unavailable, match="does not answer"):
                    Projects(database).names()
                own.start()
        own.kill_children()
        assert acked == [1, 2, 3, 4]
        assert names_once_it_answers(database) == ["pets"]
        assert [kept[6] for kept in journal_rows(database)] == acked
        database.close()


def names_once_it_answers(database: Database) -> list[str]:
    """The server recovers by itself from the death of its children; it is asked until it has."""
    while True:
        try:
            return Projects(database).names()
        except Unavailable:
            continue


def test_many_rows_are_read_while_others_are_asked_for(opened):
    """Rows that come a few thousand at a time leave the connection free for other queries."""
    database = opened()
    project = add_project(database, "pets", [])
    with database.write() as conn:
        ImportRows(database, project).replace(conn, [row(f"{n:05d}.png", n) for n in range(6000)], [])
    found = []
    for part in Items(database, project).sources():
        found += [path for _, path, _, _ in part]
        assert Items(database, project).labeled_count() == 0
    assert found == [f"{n:05d}.png" for n in range(6000)]
