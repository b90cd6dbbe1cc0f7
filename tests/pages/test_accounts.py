"""The Accounts page, and what each role finds on the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from alcore.accounts.accounts import Account
from alcore.accounts.roles import Role
from alcore.project.facade import Project, Workspace
from pages.ui import session
from pages.ui.listed import PAGES
from tests.house import ROOT
from tests.pages.headless import field, press, ran, show, words

WORD = "correct horse"
Be = Callable[[str], None]


@pytest.fixture
def people(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, Account]:
    """Ann owns, Bea annotates, Vic looks; where nobody was said to be there, a stranger is."""
    monkeypatch.delenv("ALCORE_SIGN_IN", raising=False)
    made = {
        name: fresh.accounts.add(name, role, WORD) for name, role in (("Ann", Role.OWNER), ("Bea", Role.ANNOTATOR), ("Vic", Role.VIEWER))
    }
    monkeypatch.setattr(session, "standing", lambda: "")
    return made


@pytest.fixture
def be(people: dict[str, Account], monkeypatch: pytest.MonkeyPatch) -> Be:
    """`be("Ann")`: who the door says is there."""
    return lambda name: monkeypatch.setattr(session, "standing", lambda: people[name].standing)


@pytest.fixture
def digits(fresh: Workspace) -> Project:
    return Project.import_into(fresh, "digits", ROOT / "sample_data" / "digits")


def titles(at: AppTest) -> list[str]:
    return [title.value for title in at.title]


def test_the_first_account_is_made_on_the_page_and_then_everybody_is_asked(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALCORE_SIGN_IN", raising=False)
    at = show("accounts")
    assert "Make the first account: yours" in words(at)
    field(at, "Your name").set_value("Ann")
    field(at, "Password").set_value(WORD)
    field(at, "The same again").set_value("something else")
    press(at, "Make it, and ask everybody to sign in")
    assert [error.value for error in at.error] == ["The password is not the same both times."]
    field(at, "The same again").set_value(WORD)
    press(at, "Make it, and ask everybody to sign in")
    assert [warning.value for warning in at.warning] == ["You are not signed in any more."]
    assert titles(at) == []
    assert (fresh.accounts.named("Ann").role, fresh.accounts.sign_in("Ann", WORD) is not None) == (Role.OWNER, True)
    assert [(e.who, e.what) for e in fresh.accounts.happened()][-1] == ("Ann", "added")


def test_where_nobody_is_to_be_asked_the_page_says_that(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALCORE_SIGN_IN", "0")
    at = show("accounts")
    assert "nobody is asked who they are" in at.info[0].value
    assert not at.button


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_a_stranger_sees_nothing(digits: Project, people: dict[str, Account], page: str) -> None:
    at = show(page, "digits")
    assert ([warning.value for warning in at.warning], titles(at), list(at.selectbox)) == (["You are not signed in any more."], [], [])
    assert "digits" not in words(at)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize(("name", "role"), [("Ann", Role.OWNER), ("Bea", Role.ANNOTATOR), ("Vic", Role.VIEWER)])
def test_a_page_is_for_those_whose_role_goes_so_far(digits: Project, be: Be, page, name: str, role: Role) -> None:
    be(name)
    at = show(page.name, "digits")
    assert titles(at)[0] == page.title
    refusal = f"This page takes the role {page.needs.word}, and yours is {role.word}. An owner can change that."
    assert (refusal in words(at)) == (role < page.needs)
    if role < page.needs:
        assert not at.button
        assert not at.main.text_input


@pytest.mark.parametrize(("name", "first"), [("Ann", "Data"), ("Bea", "Label"), ("Vic", "Images")])
def test_the_apps_own_address_is_the_first_page_somebody_may_see(digits: Project, be: Be, name: str, first: str) -> None:
    be(name)
    at = ran(AppTest.from_file(str(ROOT / "pages" / "navigation.py"), default_timeout=60))
    assert titles(at)[0] == first
    assert not [one for one in at.sidebar.text_input if one.label == "Labeling as"]  # the account's name is
    assert f"**{name}**, " in words(at)


def test_an_annotator_labels_and_starts_nothing(digits: Project, be: Be) -> None:
    be("Bea")
    at = show("label", "digits")
    assert "An owner begins; then the first images come here." in words(at)
    assert not at.button
    digits.start(20, seed=0)
    assert [button.label for button in show("label", "digits").button] == []
    be("Ann")
    assert {"Save the choice"} <= {button.label for button in show("label", "digits").button}


def test_what_is_labeled_stands_under_the_accounts_name(digits: Project, be: Be, monkeypatch: pytest.MonkeyPatch) -> None:
    be("Bea")
    show("label", "digits")
    assert session.annotator() == "Bea"


def test_an_owner_sees_everybody_and_what_happened(fresh: Workspace, be: Be) -> None:
    be("Ann")
    at = show("accounts")
    table = at.dataframe[0].value
    assert table["name"].tolist() == ["Ann (you)", "Bea", "Vic"]
    assert table["role"].tolist() == ["owner", "annotator", "viewer"]
    story = at.dataframe[1].value
    assert story[["who", "what", "whom"]].values.tolist() == [["console", "added", name] for name in ("Vic", "Bea", "Ann")]


def test_a_link_is_shown_once_and_can_be_taken_back(fresh: Workspace, be: Be) -> None:
    be("Ann")
    at = show("accounts")
    next(box for box in at.selectbox if box.label == "As").set_value("viewer")
    next(one for one in at.text_input if one.label == "Name").set_value("Cleo")
    press(at, "Make a link")
    secret = at.code[0].value.partition("?invite=")[2]
    told = fresh.accounts.invitation(secret)
    assert told is not None
    assert (told.role, told.name, told.made_by) == (Role.VIEWER, "Cleo", "Ann")
    assert not show("accounts").code  # another visit does not tell it
    press(at, "Take back")
    assert (fresh.accounts.invitations(), list(at.code)) == ([], [])


def test_a_name_of_somebody_else_is_refused_in_words(fresh: Workspace, be: Be) -> None:
    be("Ann")
    at = show("accounts")
    next(one for one in at.text_input if one.label == "Name").set_value("Bea")
    press(at, "Make a link")
    assert "there is an account 'Bea' already" in at.error[0].value


def test_whose_account_ends_sees_nothing_from_the_next_run_on(fresh: Workspace, digits: Project, be: Be) -> None:
    be("Bea")
    at = show("images", "digits")
    assert titles(at) == ["Images"]
    fresh.accounts.end("Bea")
    at.run()
    assert ([warning.value for warning in at.warning], titles(at)) == (["You are not signed in any more."], [])


def test_a_higher_role_shows_more_pages_from_the_next_run_on(fresh: Workspace, digits: Project, be: Be) -> None:
    be("Vic")
    at = show("data", "digits")
    assert "takes the role owner" in words(at)
    fresh.accounts.set_role("Vic", Role.OWNER)
    at = show("data", "digits")
    assert "takes the role owner" not in words(at)
