"""Our browser parts. Each is one .py, which registers it with Streamlit, with its scripts and style in alcore/browser; there is no build step."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parents[3] / "alcore" / "browser"


def scripts(*names: str) -> str:
    """The named files as one ES module. A component's script is handed over inline, and inline modules cannot import one another."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def style(name: str) -> str:
    """The text of a style sheet beside this file."""
    return (HERE / name).read_text(encoding="utf-8")
