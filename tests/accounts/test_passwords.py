"""What is kept of a password, and what may be one."""

from __future__ import annotations

import argon2
import pytest

from alcore.accounts import passwords
from alcore.errors import BadInput


def test_a_hash_is_argon2id_of_its_own_salt_and_fits_its_password_alone():
    first, second = passwords.hashed("correct horse"), passwords.hashed("correct horse")
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert first != second
    assert argon2.PasswordHasher().verify(first, "correct horse")  # by the library itself
    assert [passwords.is_right(word, first) for word in ("correct horse", "correct Horse", "", "correct horse ")] == [
        True,
        False,
        False,
        False,
    ]


def test_nobodys_password_is_right_and_what_is_no_hash_fits_nothing():
    assert not passwords.is_right("a password that nobody has", None)
    assert not passwords.is_right("x", "not a hash")


def test_a_weaker_hash_is_dated():
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=1024).hash("correct horse")
    assert passwords.is_dated(weak)
    assert not passwords.is_dated(passwords.hashed("correct horse"))


@pytest.mark.parametrize(
    ("password", "name", "said"),
    [
        ("123456789", "ann", "has 10 to 1,000 characters, this one 9"),
        ("x" * 1001, "ann", "this one 1,001"),
        ("Ann Example", "ann example", "the password is the name"),
    ],
)
def test_what_cannot_be_one_is_told(password, name, said):
    with pytest.raises(BadInput, match=said):
        passwords.check(password, name)


def test_ten_characters_are_enough():
    passwords.check("0123456789", "ann")
