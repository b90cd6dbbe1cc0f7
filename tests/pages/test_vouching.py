"""What a provider of identities tells of somebody, and when it says who they are."""

from __future__ import annotations

import time

import pytest
import streamlit as st

from pages.ui import vouching


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"email": "a@b", "email_verified": True}, ""),
        ({"email": "a@b", "email_verified": False}, "Your email address is not verified with your provider"),
        ({"email": "a@b", "email_verified": "true"}, ""),
        ({"email": "a@b", "email_verified": "false"}, "not verified"),
        ({"email": "a@b"}, "does not say that your address was verified"),
        ({"email": " ", "email_verified": True}, "does not tell your email address"),
        ({"email_verified": True}, "does not tell your email address"),
    ],
)
def test_only_a_verified_address_counts(told, said, monkeypatch):
    monkeypatch.delenv(vouching.TRUST, raising=False)
    assert said in vouching.why_not(told)
    assert bool(vouching.why_not(told)) == bool(said)


def test_a_provider_that_says_nothing_may_be_trusted_but_not_one_that_says_no(monkeypatch):
    monkeypatch.setenv(vouching.TRUST, "1")
    assert vouching.why_not({"email": "a@b"}) == ""
    assert vouching.why_not({"email": "a@b", "email_verified": False}) != ""


def test_the_providers_are_those_with_a_client():
    shared = {"redirect_uri": "u", "cookie_secret": "s"}
    assert vouching.providers({**shared, "client_id": "x"}) == [""]
    assert vouching.providers({**shared, "okta": {"client_id": "x"}, "google": {"client_id": "y"}, "other": {}}) == ["google", "okta"]


def test_it_is_configured_where_secrets_say_so(monkeypatch):
    class None_(dict):
        def get(self, *asked: object) -> object:
            raise FileNotFoundError

    for secrets, expected in (({"auth": {"client_id": "x"}}, True), ({"other": 1}, False), (None_(), False)):
        monkeypatch.setattr(st, "secrets", secrets)
        assert vouching.is_configured() is expected


def test_a_word_counts_for_some_minutes():
    now = time.time()
    assert [vouching.is_fresh({"iat": at}) for at in (now, now - 299, now - 301)] == [True, True, False]
    assert [vouching.is_fresh(told) for told in ({}, {"iat": None}, {"iat": "now"})] == [False] * 3
