"""Importing it loads what `python -m alcore serve` and its pages load, and does nothing else: see loaded.py."""

# ruff: noqa: F401

import plotly.graph_objects
import streamlit.components.v2
import streamlit.web.bootstrap
import uvicorn.lifespan.on
import uvicorn.loops.auto
import uvicorn.protocols.http.auto
import uvicorn.protocols.websockets.auto

import alcore.cli.main
import alcore.door.middleware
import alcore.measures.layout
import alcore.web.room
import alcore.web.routes
