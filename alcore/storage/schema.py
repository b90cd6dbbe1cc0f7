"""The tables and their migrations. Everything that speaks SQL starts here; knows no values and no files."""

from __future__ import annotations

import secrets
import time

import sqlalchemy as sa

meta = sa.MetaData()
Json = sa.JSON
# SQLite heeds no length and sorts by the bytes of UTF-8. PostgreSQL is told to do the same: what fits one fits the other, in one order.
_PLAIN = sa.Text(collation="C")
Text = sa.Text().with_variant(_PLAIN, "postgresql")
Count = sa.Integer().with_variant(sa.BigInteger(), "postgresql")  # SQLite's numbers have 64 bits under any name
# Of a million events a few are notes (types.NOTES): an index of these alone. A query that says this in these words uses it.
NOTED = "kind IN ('slice', 'wanted', 'sure', 'again', 'remark', 'hold')"
DISPUTED = "disputed"
MISSING = "missing > 0"  # the same of images that wait for more people's answers


def _name(most: int) -> sa.types.TypeEngine[str]:
    return sa.String(most).with_variant(_PLAIN, "postgresql")


def _id() -> sa.Column[int]:
    return sa.Column("id", Count, primary_key=True, autoincrement=True)


def _project() -> sa.Column[int]:
    return sa.Column("project_id", Count, sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False)


projects = sa.Table(
    "projects",
    meta,
    _id(),
    sa.Column("name", _name(200), nullable=False, unique=True),
    sa.Column("task", _name(40), nullable=False),
    sa.Column("source", Text, nullable=False),
    sa.Column("format", _name(40), nullable=False),
    sa.Column("classes", Json, nullable=False),
    sa.Column("settings", Json, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sqlite_autoincrement=True,
)
items = sa.Table(
    "items",
    meta,
    _id(),
    _project(),
    sa.Column("path", Text, nullable=False),
    sa.Column("split", _name(8), nullable=False),
    sa.Column("truth", _name(400)),
    sa.Column("origin", _name(400)),  # what the source calls the class, where that is not its name any more
    sa.Column("row", Count, nullable=False),
    sa.Column("width", Count, nullable=False),
    sa.Column("height", Count, nullable=False),
    sa.Column("fingerprint", _name(40), nullable=False),
    sa.Column("present", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.UniqueConstraint("project_id", "path"),
    sa.Index("items_by_split", "project_id", "split", "present"),
    sqlite_autoincrement=True,
)
skipped = sa.Table("skipped", meta, _id(), _project(), sa.Column("path", Text, nullable=False), sa.Column("reason", Text, nullable=False))
annotation_rows = sa.Table(
    "annotations",
    meta,
    _id(),
    _project(),
    sa.Column("item_id", Count, sa.ForeignKey("items.id"), nullable=False),
    sa.Column("kind", _name(8), nullable=False),
    sa.Column("value", _name(400)),
    sa.Column("annotator", _name(200), nullable=False),
    sa.Column("client", _name(64), nullable=False),
    sa.Column("seq", Count, nullable=False),
    sa.Column("round", Count),
    sa.Column("ms", Count),
    sa.Column("clicks", Count),
    sa.Column("replaces", _name(400)),
    sa.Column("opinions", Count),
    sa.Column("created", sa.Float, nullable=False),
    sa.UniqueConstraint("project_id", "client", "seq"),
    sa.Index("annotations_by_item", "item_id"),
    sa.Index("annotations_by_project", "project_id", "id"),  # the newest, and those after one
    sa.Index("annotations_notes", "project_id", "kind", "item_id", sqlite_where=sa.text(NOTED), postgresql_where=sa.text(NOTED)),
    sqlite_autoincrement=True,
)
current = sa.Table(
    "current",
    meta,
    sa.Column("item_id", Count, sa.ForeignKey("items.id", ondelete="CASCADE"), primary_key=True),
    _project(),
    sa.Column("label", _name(400)),
    sa.Column("skipped", sa.Boolean, nullable=False),
    sa.Column("flagged", sa.Boolean, nullable=False),
    sa.Column("partial", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("disputed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("missing", Count, nullable=False, server_default="0"),
    sa.Column("annotator", _name(200), nullable=False),
    sa.Column("changed", sa.Float, nullable=False),
    sa.Index("current_by_project", "project_id", "label"),
    sa.Index("current_disputed", "project_id", sqlite_where=sa.text(DISPUTED), postgresql_where=sa.text(DISPUTED)),
    sa.Index("current_missing", "project_id", sqlite_where=sa.text(MISSING), postgresql_where=sa.text(MISSING)),
)
presence = sa.Table(  # who is here, by open window; a row is forgotten soon after its window is closed
    "presence",
    meta,
    sa.Column("project_id", Count, sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("client", _name(64), primary_key=True),
    sa.Column("annotator", _name(200), nullable=False),
    sa.Column("seen", sa.Float, nullable=False),
    sa.Column("item_id", Count),
    sa.Column("held", Json, nullable=False),
)
class_changes = sa.Table(
    "class_changes",
    meta,
    _id(),
    _project(),
    sa.Column("kind", _name(12), nullable=False),
    sa.Column("name", _name(400), nullable=False),
    sa.Column("value", Json),
    sa.Column("before", Json),
    sa.Column("after", Count, nullable=False),
    sa.Column("annotator", _name(200), nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Index("class_changes_by_project", "project_id"),
    sqlite_autoincrement=True,
)
masks = sa.Table(
    "masks",
    meta,
    _id(),
    _project(),
    sa.Column("digest", _name(40), nullable=False),
    sa.Column("width", Count, nullable=False),
    sa.Column("height", Count, nullable=False),
    sa.Column("pixels", Json, nullable=False),
    sa.UniqueConstraint("project_id", "digest"),
    sqlite_autoincrement=True,
)
rounds = sa.Table(
    "rounds",
    meta,
    _id(),
    _project(),
    sa.Column("number", Count, nullable=False),
    sa.Column("strategy", _name(60), nullable=False),
    sa.Column("params", Json, nullable=False),
    sa.Column("train", Json, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("labeled", Count, nullable=False),
    sa.Column("metrics", Json, nullable=False),
    sa.Column("seconds", Json, nullable=False),
    sa.Column("device", _name(40), nullable=False),
    sa.Column("folder", _name(40), nullable=False),
    sa.Column("classes", Json),  # their names when it began, in the order of the model's outputs
    sa.Column("change", Count, nullable=False, server_default="0"),  # of the classes, the newest there was then
    sa.Column("event", Count),  # of the journal, the newest there was then
    sa.Column("digest", _name(32)),  # of the labels there were then
    sa.Column("created", sa.Float, nullable=False),
    sa.UniqueConstraint("project_id", "number"),
    sqlite_autoincrement=True,
)
queries = sa.Table(
    "queries",
    meta,
    sa.Column("round_id", Count, sa.ForeignKey("rounds.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", Count, primary_key=True),
    sa.Column("item_id", Count, sa.ForeignKey("items.id"), nullable=False),
    sa.Index("queries_by_item", "item_id"),
)
jobs = sa.Table(
    "jobs",
    meta,
    _id(),
    sa.Column("kind", _name(40), nullable=False),
    sa.Column("project", _name(200), nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("arguments", Json, nullable=False),
    sa.Column("device", _name(40), nullable=False),
    sa.Column("state", _name(12), nullable=False),
    sa.Column("progress", Json, nullable=False),
    sa.Column("result", Json),
    sa.Column("error", Text),
    sa.Column("cancel", sa.Boolean, nullable=False),
    sa.Column("owner", _name(80)),
    sa.Column("attended", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("seen", sa.Float),
    sa.Column("finished", sa.Float),
    sa.Column("spent", sa.Float, nullable=False, server_default="0"),
    sa.Column("stages", Json),
    sa.Index("jobs_by_state", "state", "device"),
    sqlite_autoincrement=True,
)
job_log = sa.Table(
    "job_log",
    meta,
    _id(),
    sa.Column("job_id", Count, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("line", Text, nullable=False),
)
accounts = sa.Table(
    "accounts",
    meta,
    _id(),
    sa.Column("name", _name(80), nullable=False),
    sa.Column("folded", _name(200), nullable=False, unique=True),  # the name without capitals: Ann and ann are one person
    sa.Column("role", _name(20), nullable=False),
    sa.Column("password", Text),  # an argon2 hash; none where somebody else says who it is
    sa.Column("email", _name(320), unique=True),  # in small letters; by which a provider of identities knows the person
    sa.Column("generation", Count, nullable=False),  # of what was handed out in this name: a higher one ends all before it
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("ended", sa.Float),
    sqlite_autoincrement=True,  # a name that was given away may not come back as somebody else's number
)
invitations = sa.Table(
    "invitations",
    meta,
    _id(),
    sa.Column("digest", _name(64), nullable=False, unique=True),  # of the secret in the link, which is kept nowhere
    sa.Column("role", _name(20), nullable=False),
    sa.Column("name", _name(80), nullable=False),  # what the person is called, where that was said
    sa.Column("account_id", Count),  # of an account that is there: the link sets its password anew
    sa.Column("made_by", _name(80), nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sqlite_autoincrement=True,
)
account_events = sa.Table(
    "account_events",
    meta,
    _id(),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("who", _name(80), nullable=False),
    sa.Column("what", _name(20), nullable=False),
    sa.Column("about", _name(80), nullable=False),
    sa.Column("details", Text, nullable=False),
    sqlite_autoincrement=True,
)
signed_out = sa.Table(  # sessions that somebody ended while their account stands; forgotten once their cookies are over
    "signed_out", meta, sa.Column("session", _name(32), primary_key=True), sa.Column("created", sa.Float, nullable=False)
)
applied = sa.Table(
    "migrations", sa.MetaData(), sa.Column("name", _name(80), primary_key=True), sa.Column("applied", sa.Float, nullable=False)
)
# One row: the name of the workspace whose rows these are, which its folder knows too; MOVED and an address once they live elsewhere.
identity = sa.Table("workspace", sa.MetaData(), sa.Column("name", _name(200), primary_key=True))
MOVED = "moved to "


def _first_schema(conn: sa.Connection) -> None:
    meta.create_all(conn)


def _masks(conn: sa.Connection) -> None:
    masks.create(conn, checkfirst=True)
    _add_columns(conn, annotation_rows, ("clicks",))
    _add_columns(conn, current, ("partial",))


def _what_an_author_saw(conn: sa.Connection) -> None:
    _add_columns(conn, annotation_rows, ("replaces",))
    _add_columns(conn, current, ("disputed",))


def _job_attempts(conn: sa.Connection) -> None:
    _add_columns(conn, jobs, ("attended", "seen", "spent", "stages"))


def _notes(conn: sa.Connection) -> None:
    next(index for index in annotation_rows.indexes if index.name == "annotations_notes").create(conn, checkfirst=True)


def _classes(conn: sa.Connection) -> None:
    class_changes.create(conn, checkfirst=True)
    _add_columns(conn, items, ("origin",))
    _add_columns(conn, rounds, ("classes", "change", "event", "digest"))
    # classes were only ever added at the end: a round's are the first of those there are, as many as its model has outputs
    for project, names in conn.execute(sa.select(projects.c.id, projects.c.classes)).all():
        conn.execute(rounds.update().where(rounds.c.project_id == project, rounds.c.classes.is_(None)).values(classes=names))


def _several_people(conn: sa.Connection) -> None:
    _add_columns(conn, annotation_rows, ("opinions",))
    _add_columns(conn, current, ("missing",))
    next(index for index in current.indexes if index.name == "current_missing").create(conn, checkfirst=True)
    presence.create(conn, checkfirst=True)
    _notes_anew(conn)


def _held_out(conn: sa.Connection) -> None:
    _notes_anew(conn)


def _plain_text(conn: sa.Connection) -> None:
    # what an earlier version made on PostgreSQL had texts of limited length, in the order of the server's language, and numbers of 32 bits
    if conn.dialect.name != "postgresql":
        return
    for table in (*meta.sorted_tables, applied):
        if not sa.inspect(conn).has_table(table.name):  # made by a later migration
            continue
        there = {column["name"]: column["type"] for column in sa.inspect(conn).get_columns(table.name)}
        for column in table.columns:
            wanted, has = column.type.compile(conn.dialect), there[column.name].compile(conn.dialect)
            if wanted != has and wanted.startswith(("TEXT", "BIGINT")):
                conn.exec_driver_sql(f"ALTER TABLE {table.name} ALTER COLUMN {column.name} TYPE {wanted}")
                if column.name == "id":
                    conn.exec_driver_sql(f"ALTER SEQUENCE {table.name}_id_seq AS BIGINT")


def _identity(conn: sa.Connection) -> None:
    identity.create(conn)
    conn.execute(identity.insert().values(name=secrets.token_hex(8)))


def _accounts(conn: sa.Connection) -> None:
    for table in (accounts, invitations, account_events, signed_out):
        table.create(conn, checkfirst=True)


def _queries_by_item(conn: sa.Connection) -> None:
    # an item that is removed is looked for here
    next(index for index in queries.indexes if index.name == "queries_by_item").create(conn, checkfirst=True)


def _few_of_many(conn: sa.Connection) -> None:
    for table, names in ((annotation_rows, ("annotations_by_project",)), (current, ("current_disputed",))):
        for index in table.indexes:
            if index.name in names:
                index.create(conn, checkfirst=True)


def _notes_anew(conn: sa.Connection) -> None:
    notes = next(index for index in annotation_rows.indexes if index.name == "annotations_notes")
    notes.drop(conn, checkfirst=True)  # there is a kind of note more
    notes.create(conn)


def _add_columns(conn: sa.Connection, table: sa.Table, names: tuple[str, ...]) -> None:
    there = {column["name"] for column in sa.inspect(conn).get_columns(table.name)}  # a new database has them from the first schema
    for name in names:
        if name not in there:
            column = sa.schema.CreateColumn(table.c[name]).compile(dialect=conn.dialect)
            conn.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column}")


# Ordered and named; each runs once, in one transaction with the record that it ran. Never edit one that was released: add the next.
MIGRATIONS = (
    ("0001_first_schema", _first_schema),
    ("0002_masks", _masks),
    ("0003_what_an_author_saw", _what_an_author_saw),
    ("0004_job_attempts", _job_attempts),
    ("0005_notes", _notes),
    ("0006_classes", _classes),
    ("0007_several_people", _several_people),
    ("0008_held_out", _held_out),
    ("0009_plain_text", _plain_text),
    ("0010_identity", _identity),
    ("0011_accounts", _accounts),
    ("0012_queries_by_item", _queries_by_item),
    ("0013_few_of_many", _few_of_many),
)


def of_project(project_id: int, table: sa.Table = items) -> sa.ColumnElement[bool]:
    """Whose rows these are that are looked for by the numbers of items. Said so, since SQLite would else go through all rows of the project
    and look for the numbers among them."""
    return table.c.project_id + 0 == project_id


def events_of_query(round_id: int) -> sa.Select[tuple[int, str, str | None, str, int | None, float]]:
    """(item, kind, value, annotator, round, time) of every event of the items that a round asked for, oldest first: what
    types.answered_items takes."""
    asked = sa.select(queries.c.item_id).where(queries.c.round_id == round_id).scalar_subquery()
    a = annotation_rows.c
    return sa.select(a.item_id, a.kind, a.value, a.annotator, a.round, a.created).where(a.item_id.in_(asked)).order_by(a.id)


def migrate(conn: sa.Connection) -> None:
    """Applies what is missing; the caller's transaction holds each change and the record that it ran."""
    applied.create(conn, checkfirst=True)
    done = set(conn.scalars(sa.select(applied.c.name)))
    for name, change in MIGRATIONS:
        if name not in done:
            change(conn)
            conn.execute(applied.insert().values(name=name, applied=time.time()))
