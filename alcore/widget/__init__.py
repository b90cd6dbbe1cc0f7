"""The labeler, the mask editor and the map of the app as widgets of a notebook, on the same journal.

`labeler`, `mask_editor` and `map` make one of a project; `widgets` holds their classes, `line` what answers a page's requests.
They need the package anywidget, which nothing else here does: it is imported when the first one is made.
It may import project, web, browser and the ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from alcore.errors import BadInput

if TYPE_CHECKING:
    from types import ModuleType

    from alcore.project.facade import Project
    from alcore.widget.widgets import Labeler, Map, MaskEditor

__all__ = ["labeler", "map", "mask_editor"]

NAMED = "notebook"  # who labels where nobody says a name; the same as `Project.annotate` takes


def labeler(project: Project, annotator: str = NAMED, *, mode: Literal["single", "grid"] = "single", height: int = 560) -> Labeler:
    """The labeler on the project's open query: a key is a label, stored in the journal before the next one is asked for.

    Args:
        project: of classes; its query is that of its newest round, and a newer one is offered when it is there.
        annotator: the name that labels are stored under.
        mode: one large image, or a grid of 48.
        height: pixels.

    Raises:
        BadInput: the project has masks, fewer than two classes or no round yet; the name or the height cannot be; anywidget is missing.
    """
    return _made().Labeler(project, annotator, mode=mode, height=height)  # type: ignore[no-any-return]


def mask_editor(project: Project, annotator: str = NAMED, *, height: int = 640) -> MaskEditor:
    """The mask editor on the project's open query. What is painted is stored when it is saved (Enter); strokes before that are kept by
    the browser.

    Args:
        project: of masks.
        annotator: the name that masks are stored under.
        height: pixels.

    Raises:
        BadInput: the project has classes instead of masks, or no round yet; the name or the height cannot be; anywidget is missing.
    """
    return _made().MaskEditor(project, annotator, height=height)  # type: ignore[no-any-return]


def map(project: Project, color: str = "", *, round: int | None = None, height: int = 480) -> Map:
    """The pool as a map. `selection` are the ids of the images that a lasso caught, most wanted first. JupyterLab tells it beside cells:
    one that is run in the very moment of a lasso may still see the selection before.

    Args:
        project: with a round that was trained, or with features.
        color: a score, `prediction` or `label`; what the round ranks by where nothing is said. It may be set anew later.
        round: number of the round, the newest that has a map for None.
        height: pixels.

    Raises:
        BadInput: there is no map yet, or no such column; the height cannot be; anywidget is missing.
    """
    return _made().Map(project, color, round=round, height=height)  # type: ignore[no-any-return]


def _made() -> ModuleType:
    """The module of the classes."""
    try:
        import anywidget  # noqa: F401 - asked for by itself, so that nothing else that is missing is taken for it
    except ImportError:
        raise BadInput("a widget needs the package anywidget: pip install anywidget, start the kernel anew and reload the page") from None
    from alcore.widget import widgets

    return widgets
