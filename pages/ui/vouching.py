"""The page of somebody who signs in through a provider of identities (OIDC), by Streamlit's own login: there, and back to an account."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import streamlit as st

from alcore.accounts.asking import STRANGER, TICKET, mark_of
from pages.ui.components.onward import onward
from pages.ui.session import literal, standing, workspace

TRUST = "ALCORE_TRUST_EMAIL"  # 1: an address counts though its provider does not say that it was verified
FRESH = 300  # seconds that the word of a provider counts
SECONDS = 60  # that what sends somebody on is good for


def configured() -> Mapping[str, object]:
    """The section `auth` of Streamlit's secrets; empty where there is none."""
    try:
        found: Mapping[str, object] = st.secrets.get("auth", {})
    except FileNotFoundError:  # there are no secrets
        return {}
    return found


def is_configured() -> bool:
    """Whether people can be sent to a provider."""
    return bool(configured())


def is_on_the_way() -> bool:
    """Whether the door let a stranger in for this alone."""
    return standing() == STRANGER


def send_on() -> None:
    """Sends a stranger to the provider, or whoever comes back from there to their account."""
    st.title("Sign in", anchor=False)
    if not st.user.is_logged_in or not is_fresh(st.user.to_dict()):
        names = providers(configured())
        for name in names:
            title = "Sign in with your organisation" if len(names) == 1 else f"Sign in with {name}"
            st.button(title, type="primary", on_click=st.login, args=[name] if name else [])
        return
    told = st.user.to_dict()
    refusal = why_not(told)
    account = None if refusal else workspace().accounts.known_as(str(told.get("email", "")))
    if account is None:
        st.write(refusal or f"No account has the address {literal(str(told.get('email')))}. Ask an owner for one.")
        st.button("Sign in as somebody else", on_click=st.logout)
        return
    ticket = workspace().seal(TICKET, [account.standing, mark_of(st.context.cookies)], SECONDS)
    st.write(f"Welcome, **{literal(account.name)}**.")
    onward(f"./?{TICKET}={ticket}")


def is_fresh(told: Mapping[str, object]) -> bool:
    """Whether the provider said so just now: what it said before somebody signed out of here lets nobody in again."""
    said = told.get("iat")
    return isinstance(said, int | float) and time.time() - said < FRESH


def providers(auth: Mapping[str, object]) -> list[str]:
    """The providers' names; "" for the one that stands in the section itself."""
    named = [name for name, value in auth.items() if isinstance(value, Mapping) and "client_id" in value]
    return [""] if "client_id" in auth else sorted(named)


def why_not(told: Mapping[str, object]) -> str:
    """Why what a provider tells of somebody does not say who they are, or ""."""
    if not str(told.get("email") or "").strip():
        return "Your provider does not tell your email address: an owner can let you in with a password."
    if told.get("email_verified") in (True, "true") or (told.get("email_verified") is None and os.environ.get(TRUST) == "1"):
        return ""
    if told.get("email_verified") is None:
        return f"Your provider does not say that your address was verified. If it only gives out its own, {TRUST}=1 lets it count."
    return "Your email address is not verified with your provider: verify it there first."
