"""Sends the browser to another address of this app."""

from __future__ import annotations

import streamlit as st

from alcore.browser import script

_mount = st.components.v2.component("alcore_onward", js=script("page/onward.js"))


def onward(address: str) -> None:
    """Leaves the page for `address`, relative to it; nothing leads back to what stood here."""
    _mount(key="onward", data={"address": address})
