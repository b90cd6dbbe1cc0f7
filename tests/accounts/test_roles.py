"""Three roles, each with what the one before it may."""

from __future__ import annotations

import pytest

from alcore.accounts.roles import MAY, Role, role_named
from alcore.errors import BadInput, Forbidden


def test_they_stand_in_one_order_and_each_is_told():
    assert [role.word for role in sorted(Role)] == ["viewer", "annotator", "owner"]
    assert set(MAY) == set(Role)


@pytest.mark.parametrize("has", Role)
@pytest.mark.parametrize("needs", Role)
def test_a_role_does_what_a_lower_one_may(has, needs):
    if has >= needs:
        has.check(needs)
        return
    with pytest.raises(Forbidden, match=f"^this takes the role {needs.word}, and yours is {has.word}: ask an owner$"):
        has.check(needs)


def test_words_are_roles_whatever_their_capitals():
    assert role_named(" Annotator ") is Role.ANNOTATOR
    with pytest.raises(BadInput, match="'boss' is no role: take viewer, annotator, owner"):
        role_named("boss")
