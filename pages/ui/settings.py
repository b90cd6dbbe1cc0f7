"""What the app reads of Streamlit's settings: where it is bound, below which path it is mounted, and where its secrets lie."""

from __future__ import annotations

import os

import streamlit as st
from streamlit import config

BASE_PATH, SECRETS = "server.baseUrlPath", "secrets.files"


def bound_address() -> str:
    """The address the server is bound to, as far as anybody has said it; "" stands for every address of the machine."""
    return os.environ.get("ALCORE_BIND") or str(st.get_option("server.address") or "")


def take_settings() -> None:
    """Gives Streamlit its own STREAMLIT_SERVER_BASE_URL_PATH and STREAMLIT_SECRETS_FILES (with the system's sign between several), which it
    reads under `streamlit run` only and drops under another server."""
    files = os.environ.get("STREAMLIT_SECRETS_FILES")
    given = {BASE_PATH: os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH"), SECRETS: files.split(os.pathsep) if files else None}
    for name, value in given.items():
        if value is not None and "command-line" not in config.get_where_defined(name):
            config.set_option(name, value, "environment variable")


def base_path() -> str:
    """The path below which Streamlit serves, or ""."""
    return str(st.get_option(BASE_PATH) or "")
