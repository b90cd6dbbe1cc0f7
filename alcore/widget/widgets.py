"""The widgets: what each tells its page, and what the page tells back. Needs anywidget; the parts themselves are in alcore/browser.

A page never gets a token: its requests come by a `Line`, which asks in the name that the widget was made with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import anywidget
import traitlets

from alcore.browser import script, style
from alcore.errors import BadInput
from alcore.project import points, tables
from alcore.project.addresses import API
from alcore.project.facade import Project
from alcore.widget.line import Line

LONGEST_NAME = 60  # characters of an annotator's name
HEIGHTS = (300, 4000)  # pixels
PACE = 5000  # milliseconds between two looks at what others said: each shows the kernel as busy for a moment
SHARED_STYLE = "notebook/notebook.css"


class Part(anywidget.AnyWidget):
    """A part of the app on a notebook's page.

    Args:
        project: that it works on; of the workspace that it was opened from.
        annotator: the name that answers are stored under.
        height: pixels.
    """

    _style = traitlets.Unicode().tag(sync=True)
    _data = traitlets.Dict().tag(sync=True)

    def __init__(self, project: Project, annotator: str, height: int, look: str, data: dict[str, Any]) -> None:
        name = annotator.strip()
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise BadInput(f"the annotator {annotator[:80]!r} is no name: give one of 1 to {LONGEST_NAME} printable characters")
        if not HEIGHTS[0] <= height <= HEIGHTS[1]:
            raise BadInput(f"a height of {height} pixels is not possible: give {HEIGHTS[0]} to {HEIGHTS[1]}")
        self.project, self.annotator = project, name
        self._line = Line(project.workspace, project.name, name, self.send)
        told = {"project": project.name, "token": "", "api": API, "height": height, "classes": list(project.classes)}
        super().__init__(_style=look, _data=told | data)
        self.on_msg(lambda _, content, buffers: self._line.take(content, buffers))

    def close(self) -> None:
        """Takes it off the page; its requests are answered no more. What was stored stays."""
        if hasattr(self, "_line"):  # one that could not be made is closed, too
            self._line.close()
        super().close()


class Labeling(Part):
    """What labeler and mask editor have in common."""

    finished = traitlets.Dict(
        help="Counts of the query that was used up last: round, total, labeled, skipped, flagged; empty before.", read_only=True
    )
    _finished = traitlets.Dict().tag(sync=True)

    def __init__(self, project: Project, annotator: str, height: int, look: str, data: dict[str, Any]) -> None:
        newest = project.newest_round()
        if newest is None:
            raise BadInput(f"nothing was asked for in {project.name!r} yet: project.start(50) asks for first images, at random")
        told = {
            "annotator": annotator.strip(),
            "round": newest.number,
            "identity": project.identity,
            "pace": PACE,
            "empty": "Nothing was asked for yet: project.run_round(…) asks for images.",
        }
        super().__init__(project, annotator, height, look, told | data)

    @traitlets.observe("_finished")
    def _hear_finished(self, change: dict[str, Any]) -> None:
        self.set_trait("finished", change["new"])


class Labeler(Labeling):
    """One class an image, by keys, on a large picture or in a grid. See `alcore.widget.labeler`."""

    _esm = script("notebook/labeler.js")

    def __init__(self, project: Project, annotator: str, *, mode: Literal["single", "grid"] = "single", height: int = 560) -> None:
        if project.dense:
            raise BadInput(f"{project.name!r} has masks: use alcore.widget.mask_editor(project)")
        if len(project.classes) < 2:
            raise BadInput(f"labeling needs two classes, {project.name!r} has {len(project.classes)}: project.add_class(…) adds one")
        if mode not in ("single", "grid"):
            raise BadInput(f"mode {mode!r} is unknown: say single or grid")
        super().__init__(
            project,
            annotator,
            height,
            style("shared/look.css", "label/labeler.css", "shared/why.css", SHARED_STYLE),
            {"mode": mode, "looks": dict(project.settings.get("looks", {}))},
        )


class MaskEditor(Labeling):
    """A mask an image, painted. See `alcore.widget.mask_editor`."""

    _esm = script("notebook/editor.js")

    def __init__(self, project: Project, annotator: str, *, height: int = 640) -> None:
        if not project.dense:
            raise BadInput(f"{project.name!r} has classes, no masks: use alcore.widget.labeler(project)")
        newest = project.newest_round()
        told = {
            "colors": [[int(part) for part in color] for color in project.colors],
            "unit": newest.unit if newest else "frames",
        }
        super().__init__(
            project,
            annotator,
            height,
            style("shared/look.css", "label/labeler.css", "shared/why.css", "mask/editor.css", SHARED_STYLE),
            told,
        )


class Map(Part):
    """The pool as points, and what a lasso caught of them. See `alcore.widget.map`."""

    _esm = script("notebook/map.js")
    color = traitlets.Unicode(help="What the points are colored by: a score, prediction or label.")
    order = traitlets.Enum(("most", "least", "name"), "most", help="How a selection is sorted: most or least wanted first, or by name.")
    selection = traitlets.Tuple(help="Ids of what the last lasso caught, at most 2,000, in that order.", read_only=True)
    count = traitlets.Int(help="How many images it caught in all.", read_only=True)
    _selection = traitlets.Dict().tag(sync=True)
    _round = traitlets.Int(None, allow_none=True).tag(sync=True)

    def __init__(self, project: Project, color: str, *, round: int | None = None, height: int = 480) -> None:
        self.round, names = _mapped(project, round)
        self.columns = tuple(names)
        self._data_there = False
        color = color or names[0]
        data = {"round": self.round, "color": color, "order": "most", "renderer": "auto", **points.timeline(project, {})}
        super().__init__(project, "map", height, style("shared/look.css", "map/map.css", SHARED_STYLE), data)
        self._data_there = True
        self.color = color

    @traitlets.validate("color")
    def _check_color(self, proposal: dict[str, Any]) -> str:
        color: str = proposal["value"]
        if color not in self.columns:
            raise BadInput(f"round {self.round} has no column {color[:60]!r} to color by: say one of {', '.join(self.columns)}")
        return color

    @traitlets.observe("color", "order")
    def _retell(self, change: dict[str, Any]) -> None:
        if self._data_there:
            self._data = {**self._data, change["name"]: change["new"]}

    @traitlets.observe("_round")
    def _hear_round(self, change: dict[str, Any]) -> None:
        """The slider was moved: `round` is what the page shows."""
        self.round = int(change["new"])
        self._data = {**self._data, "round": self.round}

    @traitlets.observe("_selection")
    def _hear_selection(self, change: dict[str, Any]) -> None:
        caught = change["new"]
        with self.hold_trait_notifications():
            self.set_trait("count", int(caught["count"]))
            self.set_trait("selection", tuple(int(i) for i in caught["ids"]))


def _mapped(project: Project, number: int | None) -> tuple[int, Sequence[str]]:
    """The round whose map is shown and the names of its columns, what it ranks by first."""
    numbers = [number] if number is not None else [*(r.number for r in reversed(project.rounds())), 0]
    for of in numbers:
        there = [column["name"] for column in tables.columns(project, tables.mapped_round(project, of))]
        names = [name for name in there if name not in ("x", "y", "selected")]
        if names:
            return of, names
    which = "" if number is None else f" of round {number}"
    raise BadInput(f"{project.name!r} has no map{which}: project.run_round(…) makes one, for photos project.features() does too")
