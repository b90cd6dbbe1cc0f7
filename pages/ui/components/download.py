"""A button that saves a file which an address of the API makes. Streamlit's own is bound to one drawing of the page: a click that comes
while the page is drawn anew gives nothing."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API

_mount = st.components.v2.component("alcore_download", js=script("page/download.js"), css=style("page/download.css"))


def download(
    title: str, project: str, file: str, *, token: str, query: dict[str, str] | None = None, help: str = "", api: str = API, key: str
) -> None:
    """Draw the button.

    Args:
        title: what stands on it.
        project: whose file it is; the file saved is called after it.
        file: one of web.files.FILES.
        token: signed token for the API.
        query: what stands behind the address's question mark.
        key: Streamlit's key; keep it constant.
    """
    address = f"/projects/{quote(project, safe='')}/files/{file}" + (f"?{urlencode(query)}" if query else "")
    data = {"title": title, "help": help, "file": address, "name": f"{project}-{file}", "token": token, "api": api.rstrip("/")}
    _mount(key=key, data=data, width="content")
