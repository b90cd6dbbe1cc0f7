"""Accounts: who gets one, what ends with it, and that somebody can always let others in."""

from __future__ import annotations

import threading

import argon2
import pytest
import sqlalchemy as sa

from alcore.accounts import accounts as module
from alcore.accounts.accounts import Accounts, checked_name
from alcore.accounts.roles import Role
from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.storage import schema
from alcore.storage.journal import Journal
from tests.storage.rows import add_project, label

pytestmark = pytest.mark.both_databases

WORD, OTHER = "correct horse", "battery staple"


@pytest.fixture
def people(accounts) -> Accounts:
    """Ann is an owner, Bea an annotator, Vic a viewer."""
    for name, role in (("Ann", Role.OWNER), ("Bea", Role.ANNOTATOR), ("Vic", Role.VIEWER)):
        accounts.add(name, role, WORD)
    return accounts


def story(of: Accounts) -> list[tuple[str, str, str, str]]:
    return [(e.who, e.what, e.about, e.details) for e in reversed(of.happened())]


def test_they_are_asked_for_once_one_is_there_unless_nobody_is_to_be(accounts, monkeypatch):
    assert (accounts.are_there(), accounts.are_asked()) == (False, False)
    accounts.add("Ann", Role.OWNER, WORD)
    assert (accounts.are_there(), accounts.are_asked()) == (True, True)
    monkeypatch.setenv("ALCORE_SIGN_IN", "0")
    assert (accounts.are_there(), accounts.are_asked()) == (True, False)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANNOTATOR])
def test_the_first_one_is_an_owners(accounts, role):
    for make in (lambda: accounts.add("Bea", role, WORD), lambda: accounts.invite(role)):
        with pytest.raises(BadInput, match=f"the first account has to be an owner's, who can let others in: not {role.word}"):
            make()
    assert accounts.all() == accounts.invitations() == []


def test_a_name_signs_in_with_its_password_whatever_its_capitals(people):
    found = people.sign_in(" bEA", WORD)
    assert (found.name, found.role, found.standing) == ("Bea", Role.ANNOTATOR, "2.1")
    assert [people.sign_in(name, word) for name, word in (("Bea", OTHER), ("Nobody", WORD), ("", ""), ("Bea", ""))] == [None] * 4
    assert story(people)[-1] == ("Bea", "signed in", "Bea", "")


def test_what_is_stored_of_a_password_is_its_hash_and_a_dated_one_is_made_anew(people, database):
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=1024).hash(WORD)
    with database.write() as conn:
        conn.execute(schema.accounts.update().where(schema.accounts.c.name == "Bea").values(password=weak))
    assert people.sign_in("Bea", WORD)
    with database.read() as conn:
        kept = list(conn.scalars(sa.select(schema.accounts.c.password).order_by(schema.accounts.c.id)))
    assert all(one.startswith("$argon2id$v=19$m=65536,t=3,p=4$") for one in kept)
    assert people.sign_in("Bea", WORD)


def test_a_standing_is_of_an_account_as_long_as_it_stands(people):
    standing = people.named("Bea").standing
    assert people.of(standing).name == "Bea"
    people.set_role("Bea", Role.VIEWER, "Ann")  # another role is no other session
    assert people.of(standing).role is Role.VIEWER
    people.set_email("Bea", "bea@lab.example")
    assert people.of(standing).email == "bea@lab.example"
    assert [people.of(text) for text in ("", "open", "2", "2.2", "99.1", "2.1.1", "-2.1", "x.y", "2.1 ")] == [None] * 9


@pytest.mark.parametrize(
    "ends",
    [
        lambda of: of.end("Bea", "Ann"),
        lambda of: of.sign_out("Bea", "Ann"),
        lambda of: of.set_password("Bea", OTHER, "Bea"),
        lambda of: of.join(of.renew("Bea", by="Ann"), "anything", OTHER),
    ],
    ids=["ended", "signed out", "new password", "new password by link"],
)
def test_what_was_handed_out_ends(people, ends):
    standing = people.named("Bea").standing
    ends(people)
    assert people.of(standing) is None


def test_an_ended_account_lets_nobody_in_and_keeps_its_name(people):
    link = people.renew("Bea", by="Ann")
    ended = people.end("bea", "Ann")
    assert ended.ended is not None
    assert (people.sign_in("Bea", WORD), people.invitation(link), people.known_as("bea@lab.example")) == (None, None, None)
    for make in (lambda: people.add("BEA", Role.VIEWER, WORD), lambda: people.invite(Role.VIEWER, "Bea")):
        with pytest.raises(BadInput, match="there is an account '(BEA|Bea)' already"):
            make()
    for change in (people.end, people.sign_out, people.renew):
        with pytest.raises(BadInput, match="the account 'Bea' has ended"):
            change("Bea")
    before = people.named("Bea").standing
    again = people.back("Bea", "Ann")
    assert (again.ended, again.role, people.sign_in("Bea", WORD).standing) == (None, Role.ANNOTATOR, before)
    with pytest.raises(BadInput, match="the account 'Bea' has not ended"):
        people.back("Bea")


def test_there_is_always_an_owner(people):
    for change in (lambda: people.end("Ann"), lambda: people.set_role("Ann", Role.ANNOTATOR)):
        with pytest.raises(BadInput, match="'Ann' is the only owner: make somebody else one first"):
            change()
    people.set_role("Bea", Role.OWNER)
    people.end("Ann")
    with pytest.raises(BadInput, match="'Bea' is the only owner"):  # one that ended lets nobody in
        people.set_role("Bea", Role.VIEWER)


def test_of_two_owners_that_end_each_other_at_once_one_stays(people):
    people.set_role("Bea", Role.OWNER)
    start, refused = threading.Barrier(2), []

    def end(name: str) -> None:
        start.wait()
        try:
            people.end(name)
        except BadInput as problem:
            refused.append(str(problem))

    threads = [threading.Thread(target=end, args=[name]) for name in ("Ann", "Bea")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [one.role for one in people.all() if one.ended is None and one.role is Role.OWNER] == [Role.OWNER]


# ---- invitations


def test_an_invitation_makes_one_account(people):
    secret = people.invite(Role.ANNOTATOR, days=2, by="Ann")
    told = people.invitation(secret)
    assert (told.role, told.name, told.account, told.made_by) == (Role.ANNOTATOR, "", None, "Ann")
    assert told.expires - told.created == pytest.approx(2 * 86_400, abs=1)
    made = people.join(secret, " Cleo  Example ", WORD)
    assert (made.name, made.role) == ("Cleo Example", Role.ANNOTATOR)
    assert people.sign_in("cleo example", WORD)
    assert (people.invitation(secret), people.invitations()) == (None, [])
    with pytest.raises(NotFound, match="this link was used before"):
        people.join(secret, "Dora", WORD)
    assert story(people)[-3:-1] == [
        ("Ann", "invited", "", "as annotator"),
        ("Cleo Example", "joined", "Cleo Example", "as annotator, invited by Ann"),
    ]


def test_of_two_who_open_one_link_at_once_one_gets_in(people):
    secret, start, got = people.invite(Role.VIEWER), threading.Barrier(2), []

    def join(name: str) -> None:
        start.wait()
        try:
            got.append(people.join(secret, name, WORD).name)
        except AlcoreError as problem:
            got.append(type(problem).__name__)

    threads = [threading.Thread(target=join, args=[name]) for name in ("Cleo", "Dora")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) in (["Cleo", "NotFound"], ["Dora", "NotFound"])


def test_a_name_that_an_invitation_names_is_that_persons(people):
    secret = people.invite(Role.VIEWER, "Cleo", by="Ann")
    assert people.join(secret, "Somebody Else", WORD).name == "Cleo"


@pytest.mark.parametrize(("name", "password", "said"), [("Ann", WORD, "already"), ("Cleo", "short", "10 to 1,000"), ("", WORD, "1 to 80")])
def test_what_was_refused_leaves_the_link_as_it_was(people, name, password, said):
    secret = people.invite(Role.VIEWER)
    with pytest.raises(BadInput, match=said):
        people.join(secret, name, password)
    assert people.join(secret, "Cleo", WORD).name == "Cleo"


def test_a_link_is_over_after_its_days_and_when_it_was_taken_back(people, monkeypatch):
    late, gone = people.invite(Role.VIEWER, days=1), people.invite(Role.VIEWER)
    people.take_back(people.invitations()[-1].id, "Ann")
    assert people.invitation(gone) is None
    real = module.time.time
    monkeypatch.setattr("time.time", lambda: real() + 86_401)
    assert people.invitation(late) is None
    with pytest.raises(NotFound, match="is over: ask an owner for a new one"):
        people.join(late, "Cleo", WORD)


@pytest.mark.parametrize("days", [0, -1, 91, float("nan")])
def test_an_invitation_is_good_for_some_days(people, days):
    with pytest.raises(BadInput, match="good for up to 90 days"):
        people.invite(Role.VIEWER, days=days)


def test_a_secret_is_kept_nowhere(people, database):
    secret = people.invite(Role.VIEWER)
    with database.read() as conn:
        rows = [str(row) for table in schema.meta.sorted_tables for row in conn.execute(sa.select(table))]
    assert any("Vic" in row for row in rows)
    assert not any(secret in row or WORD in row for row in rows)


# ---- names and addresses


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "x" * 81,
        "a\nb",
        "a\u2028b",
        "a\x00",
        "Ann\u200b",
        "A\u00adnn",
        "Ann\u202e",
        "\u0410nn",
        "me",
        "API",
        " Oracle ",
        "console",
        "notebook",
    ],
)
def test_what_is_no_name_is_told(name):
    with pytest.raises(BadInput, match="cannot be one|stands for something else|look alike"):
        checked_name(name)


def test_a_letter_has_one_spelling(people):
    people.add("Re\u0301my", Role.VIEWER, WORD)
    assert (people.named("R\u00e9my").name, people.sign_in("re\u0301MY", WORD).name) == ("R\u00e9my", "R\u00e9my")
    with pytest.raises(BadInput, match="already"):
        people.add("R\u00e9my", Role.VIEWER, WORD)
    assert checked_name("\u0410\u043d\u043d\u0430") == "\u0410\u043d\u043d\u0430"  # of one script
    assert checked_name("\u5c71\u7530 Yuki") == "\u5c71\u7530 Yuki"  # of two that nobody takes for one another


def test_an_email_address_is_one_persons(people):
    people.set_email("Bea", " Bea@Lab.Example ")
    assert people.known_as("BEA@lab.example").name == "Bea"
    assert [people.known_as(text) for text in ("", "  ", "ann@lab.example")] == [None] * 3
    for make in (lambda: people.set_email("Vic", "bea@lab.example"), lambda: people.add("Cleo", Role.VIEWER, None, "bea@lab.example")):
        with pytest.raises(BadInput, match="another account's|with its address"):
            make()
    with pytest.raises(BadInput, match="'bea' is no email address"):
        people.set_email("Bea", "bea")
    people.set_email("Bea", "")
    assert people.known_as("bea@lab.example") is None


def test_who_is_known_by_an_address_alone_has_no_password(people):
    made = people.add("Cleo", Role.VIEWER, None, "cleo@lab.example")
    assert (made.has_password, people.sign_in("Cleo", ""), people.sign_in("Cleo", WORD)) == (False, None, None)
    assert people.known_as("cleo@lab.example") == made


def test_an_unknown_name_is_told_with_those_there_are(people):
    with pytest.raises(NotFound, match=r"there is no account 'Zoe' \(accounts: Ann, Bea, Vic\)"):
        people.named("Zoe")


def test_what_was_done_is_written_down_and_by_whom(people):
    people.set_role("Bea", Role.OWNER, "Ann")
    people.end("Ann", "Bea")
    assert story(people) == [
        ("console", "added", "Ann", "as owner"),
        ("console", "added", "Bea", "as annotator"),
        ("console", "added", "Vic", "as viewer"),
        ("Ann", "role", "Bea", "from annotator to owner"),
        ("Bea", "ended", "Ann", ""),
    ]
    assert [e.what for e in people.happened(2)] == ["ended", "role"]


# ---- sessions, links and races


def test_a_session_ends_alone_with_what_was_handed_out_to_it(people):
    account = people.named("Bea")
    here, there = account.session(), account.session()
    assert here != there
    assert [people.of(one).name for one in (here, there, account.standing)] == ["Bea"] * 3
    people.leave(here)
    people.leave(here)  # twice is once
    people.leave(account.standing)  # no session
    assert people.of(here) is None
    assert [people.of(one).name for one in (there, account.standing)] == ["Bea"] * 2
    people.sign_out("Bea")
    assert people.of(there) is None


def test_what_ended_long_ago_is_forgotten(people, database, monkeypatch):
    people.leave(people.named("Bea").session())
    real = module.time.time
    monkeypatch.setattr("time.time", lambda: real() + module.KEPT + 1)
    people.leave(people.named("Bea").session())
    with database.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(schema.signed_out)) == 1


@pytest.mark.parametrize("change", [lambda of: of.end("Olga", "Ann"), lambda of: of.set_role("Olga", Role.ANNOTATOR, "Ann")])
def test_whoever_may_let_nobody_in_has_let_nobody_in(people, change):
    people.add("Olga", Role.OWNER, WORD)
    hers, anns = people.invite(Role.OWNER, by="Olga"), people.invite(Role.VIEWER, by="Ann")
    change(people)
    assert (people.invitation(hers), people.invitation(anns) is None) == (None, False)


@pytest.mark.parametrize(
    "change", [lambda of, link: of.join(link, "", OTHER), lambda of, link: of.set_password("Bea", OTHER)], ids=["by another link", "by Bea"]
)
def test_a_new_password_ends_the_links_to_one(people, change):
    first, second = people.renew("Bea"), people.renew("Bea")
    change(people, first)
    assert [people.invitation(link) for link in (first, second)] == [None, None]


def test_the_first_account_is_made_once(accounts):
    accounts.add("Ann", Role.OWNER, WORD, first=True)
    with pytest.raises(BadInput, match="somebody else made the first account meanwhile"):
        accounts.add("Eve", Role.OWNER, WORD, first=True)
    assert [one.name for one in accounts.all()] == ["Ann"]


def test_a_guest_does_not_take_the_name_that_stands_beside_labels(people, database):
    add_project(database, "pets", ["1.png"])
    Journal(database, 1).record([label(1, 1, annotator="Cleo")], ("cat",))
    secret = people.invite(Role.ANNOTATOR)
    with pytest.raises(BadInput, match="'Cleo' stands beside labels already: if that is you, ask an owner for a link with your name"):
        people.join(secret, "Cleo", WORD)
    assert people.join(people.invite(Role.ANNOTATOR, "Cleo"), "", WORD).name == "Cleo"


def test_a_dated_hash_is_not_made_anew_over_a_new_password(people, database, monkeypatch):
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=1024).hash(WORD)
    with database.write() as conn:
        conn.execute(schema.accounts.update().where(schema.accounts.c.name == "Bea").values(password=weak))
    real = module.passwords.hashed

    def meanwhile(word: str) -> str:
        monkeypatch.setattr(module.passwords, "hashed", real)
        people.set_password("Bea", OTHER)
        return real(word)

    monkeypatch.setattr(module.passwords, "hashed", meanwhile)
    people.sign_in("Bea", WORD)
    assert (people.sign_in("Bea", WORD), people.sign_in("Bea", OTHER).name) == (None, "Bea")
