"""The app: Streamlit's pages, our HTTP routes and the job runner in one ASGI process. Start it with `python -m alcore serve`."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from alcore import __version__
from alcore.door.middleware import Door
from alcore.door.serve import confine
from alcore.project.facade import shared
from alcore.web import routes as web
from alcore.web.room import Mount
from pages.ui.components.classroom import student_script, student_style
from pages.ui.session import told
from pages.ui.settings import base_path, bound_address, take_settings
from pages.ui.vouching import is_configured

HERE = Path(__file__).resolve().parent


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Starts what belongs to the process: jobs that a kill left behind become interrupted, the map's code is compiled in the background."""
    from alcore.measures.layout import warm_up

    # a training thread made of many small calls would else keep each answer waiting for its 5 ms turns of the interpreter
    sys.setswitchinterval(0.001)
    confine(bound_address())
    workspace = await asyncio.to_thread(shared)
    await asyncio.to_thread(lambda: workspace.token)  # its file is there from the first start
    await asyncio.to_thread(workspace.runner.start)
    workspace.collect_leftovers()
    warm_up()
    # Streamlit collects garbage after every run of a page, and of a part that looks at a job each second: going through all that the
    # libraries hold took 0.2 s each time, in which no label was answered
    gc.freeze()
    try:
        yield
    finally:
        await asyncio.to_thread(workspace.runner.stop)


# `streamlit run` finds a module-level `app = st.App(...)` in the source text only: no function around it.
app = st.App(
    HERE / "pages" / "navigation.py",
    routes=web.routes(shared, version=__version__, mount=Mount(student_script, student_style, bound_address)),
    # it stands around Streamlit's own middleware and every route, the WebSocket and static files included
    middleware=[Middleware(Door, workspace=shared, bound=bound_address, base=base_path, vouches=is_configured)],
    lifespan=lifespan,
    on_script_error=told,  # navigation.py says it for a whole page; this also sees what a part of it runs alone, again and again
)
take_settings()  # once st.App has told Streamlit where its settings lie
