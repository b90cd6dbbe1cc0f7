"""What the app reads of Streamlit's settings: where it is bound and below which path it is mounted."""

from __future__ import annotations

import os

import streamlit as st
from streamlit import config

BASE_PATH = "server.baseUrlPath"


def bound_address() -> str:
    """The address the server is bound to, as far as anybody has said it; "" stands for every address of the machine."""
    return os.environ.get("ALCORE_BIND") or str(st.get_option("server.address") or "")


def take_base_path() -> None:
    """Gives Streamlit its own STREAMLIT_SERVER_BASE_URL_PATH, which it reads under `streamlit run` only and drops under another server."""
    given = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH")
    if given is not None and "command-line" not in config.get_where_defined(BASE_PATH):
        config.set_option(BASE_PATH, given, "environment variable")


def base_path() -> str:
    """The path below which Streamlit serves, or ""."""
    return str(st.get_option(BASE_PATH) or "")
