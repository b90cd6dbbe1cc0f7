"""Links that make an account or set its password anew, and the page on which a password is changed."""

from __future__ import annotations

import re

import pytest

from alcore.accounts.roles import Role
from tests.door.bare import HTML, OTHER, WORD, sign_in


def test_an_invitation_makes_an_account_and_signs_it_in(there, people):
    secret = people.invite(Role.ANNOTATOR, by="Ann")
    page = there.get(f"/?invite={secret}", headers=HTML)
    assert page.status_code == 200
    assert "<b>Ann</b> invites you to label images." in page.text
    assert re.findall(r'<input id="(\w+)"', page.text) == ["name", "new", "again"]
    answer = there.post(f"/?invite={secret}", data={"name": "Cleo", "new": OTHER, "again": OTHER})
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    assert there.get("/", headers=HTML).status_code == 200
    assert people.named("Cleo").role is Role.ANNOTATOR
    gone = there.get(f"/?invite={secret}", headers=HTML)
    assert (gone.status_code, "used before" in gone.text) == (410, True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"name": "Ann", "new": OTHER, "again": OTHER}, "There is an account &#x27;Ann&#x27; already"),
        ({"name": "Cleo", "new": "short", "again": "short"}, "A password has 10 to 1,000 characters, this one 5."),
        ({"name": "Cleo", "new": OTHER, "again": WORD}, "The password is not the same both times."),
        ({"name": "", "new": OTHER, "again": OTHER}, "A name has 1 to 80 characters"),
        ({}, "A name has 1 to 80 characters"),
    ],
)
def test_what_an_invitation_cannot_take_is_said_in_the_form(there, people, data, said):
    secret = people.invite(Role.VIEWER)
    answer = there.post(f"/?invite={secret}", data=data, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, said in answer.text) == (400, True)
    assert OTHER not in answer.text
    assert people.invitation(secret) is not None


def test_a_link_for_a_new_password_names_the_account_and_asks_for_no_name(bea, people):
    secret = people.renew("Bea", by="Ann")
    page = bea.get(f"/?invite={secret}", headers=HTML)
    assert "For the account <b>Bea</b>." in page.text
    assert re.findall(r'<input id="(\w+)"', page.text) == ["new", "again"]
    assert bea.post(f"/?invite={secret}", data={"name": "Ann", "new": OTHER, "again": OTHER}).status_code == 303
    assert (people.sign_in("Bea", WORD), people.sign_in("Bea", OTHER).name) == (None, "Bea")


def test_a_made_up_link_is_refused(there):
    assert there.get("/?invite=anything", headers=HTML).status_code == 410


def test_a_password_is_changed_by_whoever_knows_it_and_other_browsers_are_signed_out(client, bea, people):
    other = client()
    sign_in(other, "Bea")
    assert re.findall(r'<input id="(\w+)"', bea.get("/password", headers=HTML).text) == ["password", "new", "again"]
    for data, said in (
        ({"password": OTHER, "new": OTHER, "again": OTHER}, "That is not your password of today."),
        ({"password": WORD, "new": OTHER, "again": WORD}, "The new password is not the same both times."),
        ({"password": WORD, "new": "short", "again": "short"}, "A password has 10"),
    ):
        assert said in bea.post("/password", data=data).text
    answer = bea.post("/password", data={"password": WORD, "new": OTHER, "again": OTHER})
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    assert (bea.get("/", headers=HTML).status_code, other.get("/", headers=HTML).status_code) == (200, 401)
    assert people.sign_in("Bea", OTHER).name == "Bea"
