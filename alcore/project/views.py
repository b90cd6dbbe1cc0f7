"""Views over all images: filters that must all hold, and an order; as people make them, as an address says them. Reads only.

An address names each filter once or, where any of several values will do, once for each: `label=dress&label=shirt&order=time`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

import numpy as np

from alcore.errors import BadInput
from alcore.importing.values import LONGEST_TEXT
from alcore.project import alike, chosen, doubts, metadata, past, sharing, similar
from alcore.project.agreed import agreement
from alcore.project.catalog import DISPUTED, FLAGGED, LABELED, SKIPPED, Catalog, Guesses, catalog, guesses
from alcore.project.painted import PAINTED, painted
from alcore.project.stored import Stored
from alcore.types import SPLITS

STATES = ("unlabeled", "labeled", "skipped", "flagged", "disputed")
ORDERS = ("number", "name", "time", "label", "guess", "confidence", "similar", "doubt", "iou")
BY_SCORE = "score:"  # followed by the name of a score of the newest round
NONE = ""  # as a label or a guess: those that have none
MOST_TEXT = 200  # characters
OF_METADATA = "meta."  # begins the filters on columns of the metadata: meta.camera=x, meta.age.from=30, meta.note.has=blur
MOST_OF_METADATA = 500  # of such filters


@dataclass(frozen=True)
class View:
    """What is looked at. Of a filter with several values any will do; filters that are empty let everything through.

    Attributes:
        state: of STATES.
        label, guess: class names, "" for none.
        by: annotators whose label stands.
        asked: rounds that asked for it.
        split: of SPLITS.
        text: in the name.
        above, below: bounds of the newest model's confidence, None for none.
        differs: label and guess do.
        alike: it has near duplicates; `group` is the number of an image whose near duplicates are meant.
        among: the name of a kept selection (chosen.py).
        like: numbers of images by whose likeness to sort.
        doubted: another class is likelier than the label, by what the other labels say (doubts.py).
        holds: class names: the current mask has pixels of one of them. `painted` is of PAINTED; `iou_above` and `iou_below` are bounds of
            the IoU of mask and draft (agreed.py). All four are of masks as they are now, whatever `then` is.
        then: the number of a round: what had been said of each when it began, and what its model guessed.
        noted: somebody wrote a note about it.
        answered: at least so many people gave it a label that stands.
        meta: (column of the metadata, value) pairs; behind the column's name there may be .from, .to or .has (metadata.conditions).
        order: of ORDERS, or BY_SCORE and a score's name, or metadata.PREFIX and a column's. Scores,
            confidence and time begin with the highest, newest; all others with the lowest.
        back: from the other end.
    """

    state: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    guess: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    asked: tuple[int, ...] = ()
    split: tuple[str, ...] = ()
    text: str = ""
    above: float | None = None
    below: float | None = None
    differs: bool = False
    alike: bool = False
    group: int | None = None
    doubted: bool = False
    holds: tuple[str, ...] = ()
    painted: tuple[str, ...] = ()
    iou_above: float | None = None
    iou_below: float | None = None
    among: str = ""
    like: tuple[int, ...] = ()
    then: int | None = None
    noted: bool = False
    answered: int = 0
    meta: tuple[tuple[str, str], ...] = ()
    order: str = "number"
    back: bool = False

    @staticmethod
    def of(given: Iterable[tuple[str, str]]) -> View:
        """From the pairs of an address.

        Raises:
            BadInput: a name that is no filter, or a value that it does not take.
        """
        values: dict[str, list[str]] = {}
        meta: list[tuple[str, str]] = []
        for name, value in given:
            if name.startswith(OF_METADATA):
                meta.append((name.removeprefix(OF_METADATA), value[: LONGEST_TEXT + 1]))
            else:
                values.setdefault(name, []).append(value)
        unknown = sorted(values.keys() - _READ.keys())
        if unknown:
            raise BadInput(f"there is no filter {unknown[0][:40]!r}: use {', '.join(_READ)}")
        read = {name: _READ[name](name, found) for name, found in values.items()}
        if read.get("order") == "similar" and not read.get("like"):
            raise BadInput("order=similar needs an image to compare with: add like=NUMBER")
        if len(meta) > MOST_OF_METADATA:
            raise BadInput(f"{len(meta):,} filters on metadata are too many: use up to {MOST_OF_METADATA}")
        return View(**read, meta=tuple(dict.fromkeys(meta)))

    def address(self) -> str:
        """The same as an address says it, without what is as usual."""
        pairs: list[tuple[str, Any]] = []
        for name, usual in _USUAL.items():
            value = getattr(self, name)
            if value == usual:
                continue
            if isinstance(value, tuple):
                pairs += [(name, one) for one in value]
            else:
                pairs.append((name, 1 if value is True else f"{value:g}" if isinstance(value, float) else value))
        return urlencode(pairs + [(f"{OF_METADATA}{column}", value) for column, value in self.meta])


def asks_for_doubts(view: View) -> bool:
    """Whether a view is of labels that may be wrong."""
    return view.doubted or view.order == "doubt"


class Found(NamedTuple):
    """A view's images.

    Attributes:
        of: the columns of all images.
        said: what the newest model says of them.
        at: (m,) int64 places of the view's images in these, in its order.
        doubts: what speaks against their labels, where the view asks for that; None elsewhere.
    """

    of: Catalog
    said: Guesses | None
    at: np.ndarray
    doubts: doubts.Doubts | None


def found(project: Stored, view: View, viewer: str | None = None) -> tuple[Catalog, Guesses | None, np.ndarray]:
    """(columns, what the newest model says, places) of a view, see `look`."""
    return look(project, view, viewer)[:3]


def look(project: Stored, view: View, viewer: str | None = None) -> Found:
    """A view's images.

    Args:
        viewer: who looks: where several people answer an image without seeing one another's answers, those they may not see yet are as if
            nobody had said anything of them.

    Raises:
        BadInput: it asks for what the project does not have: a class, a score, a selection, features to compare.
        NotFound: a round or an image that is not there.
    """
    round_ = None if view.then is None else project.round(view.then)
    of = catalog(project) if round_ is None else past.catalog_of(project, round_)
    if viewer is not None:
        of = of.without(sharing.unseen(project, viewer))
    said = guesses(project, of, round_)
    told = doubts.doubts(project, of) if asks_for_doubts(view) else None
    kept = np.ones(len(of), bool)
    for condition in _conditions(project, view, of, said, told):
        kept &= condition
    places = np.flatnonzero(kept)
    keys = told.p if told and view.order == "doubt" else _keys(project, view, of, said)
    return Found(of, said, places[_order(view, keys[places])], told)


def _conditions(project: Stored, view: View, of: Catalog, said: Guesses | None, told: doubts.Doubts | None) -> Iterable[np.ndarray]:
    if view.state:
        yield np.any([in_state(of, name) for name in view.state], axis=0)
    if view.label:
        yield np.isin(of.labels, _indices(project, view.label))
    if view.guess:
        yield np.isin(_asked(said).classes, _indices(project, view.guess))
    if view.by:
        yield np.isin(of.annotators, [at for at, name in enumerate(of.people) if name in view.by]) & (of.states > 0)
    if view.asked:
        yield np.isin(of.ids, np.concatenate([np.array(project.round(number).query, np.int64) for number in view.asked]))
    if view.split:
        yield np.isin(of.splits, [SPLITS.index(name) for name in view.split])
    if view.text:
        yield of.names.with_text(view.text)
    if view.above is not None:
        yield _asked(said).confidence >= view.above
    if view.below is not None:
        yield _asked(said).confidence <= view.below
    if view.differs:
        guessed = _asked(said).classes
        yield (of.labels >= 0) & (guessed >= 0) & (of.labels != guessed)
    if view.alike:
        yield np.isin(of.ids, np.array(sorted(alike.groups(project)), np.int64))
    if view.group is not None:
        project.items.row(view.group)
        yield np.isin(of.ids, np.array(alike.groups(project).get(view.group, (view.group,)), np.int64))
    if view.doubted and told:
        yield (told.likelier >= 0) & (told.likelier != of.labels) & np.isfinite(told.p)
    if view.answered > 1:
        yield np.isin(of.ids, np.array(project.queries.answered_by(view.answered), np.int64))
    if view.noted:
        yield np.isin(of.ids, np.array(sorted(project.queries.remarks()), np.int64))
    if view.meta:
        yield from metadata.conditions(project, of, view.meta)
    yield from _of_masks(project, view, of)
    if view.among:
        yield np.isin(of.ids, chosen.kept(project, view.among))


def _of_masks(project: Stored, view: View, of: Catalog) -> Iterable[np.ndarray]:
    if view.holds:
        yield painted(project, of).holds[:, _indices(project, view.holds)].max(1)
    if view.painted:
        told = painted(project, of)
        yield np.isin(told.extents, [PAINTED.index(name) for name in view.painted])
    if view.iou_above is not None or view.iou_below is not None:
        share = agreement(project, of)
        low, high = view.iou_above or 0.0, 1.0 if view.iou_below is None else view.iou_below
        yield np.logical_and(share >= low, share <= high)


def in_state(of: Catalog, name: str) -> np.ndarray:
    """(n,) bool: which images are in one of STATES."""
    bits = {"labeled": LABELED, "skipped": SKIPPED, "flagged": FLAGGED, "disputed": DISPUTED}
    result: np.ndarray = of.states & bits[name] > 0 if name in bits else of.states & (LABELED | SKIPPED | FLAGGED) == 0
    return result


def _indices(project: Stored, names: Sequence[str]) -> list[int]:
    lineage = project.class_rows.lineage()
    meant = {name: lineage.meant(name, project.classes) for name in names if name != NONE}  # a link may be older than a new name
    unknown = [name for name, now in meant.items() if now is None]
    if unknown:
        raise BadInput(f"{unknown[0][:40]!r} is not a class of {project.name!r}")
    return [-1 if (now := meant.get(name)) is None else project.classes.index(now) for name in names]


def _asked(said: Guesses | None) -> Guesses:
    if said is None:
        raise BadInput("no model has said anything of these images yet: train a round first")
    return said


def _order(view: View, keys: np.ndarray) -> np.ndarray:
    """The order of images by what they are sorted by; those without a value come last from either end, equal ones by their number."""
    values = keys.astype(np.float64)
    falling = (view.order in ("time", "confidence", "similar") or view.order.startswith(BY_SCORE)) != view.back
    nothing = ~np.isfinite(values)
    return np.lexsort((np.arange(len(keys)), np.where(nothing, 0.0, -values if falling else values), nothing))


def _keys(project: Stored, view: View, of: Catalog, said: Guesses | None) -> np.ndarray:
    """What to sort by, NaN for nothing."""
    if view.order == "number":
        return of.ids
    if view.order == "name":
        return of.names.places
    if view.order == "time":
        return np.where(of.changed > 0, of.changed, np.nan)
    if view.order in ("label", "guess"):
        indices = of.labels if view.order == "label" else _asked(said).classes
        return np.where(indices >= 0, indices, np.nan)
    if view.order == "confidence":
        return _asked(said).confidence
    if view.order == "iou":
        return agreement(project, of)
    if view.order == "similar":
        return similar.likeness(project, of.ids, view.like)
    if view.order.startswith(metadata.PREFIX):
        return metadata.order(project, of, view.order.removeprefix(metadata.PREFIX))
    name = view.order.removeprefix(BY_SCORE)
    scores = _asked(said).scores
    if name not in scores:
        raise BadInput(f"the newest round has no score {name[:40]!r}: use one of {', '.join(scores)}")
    return scores[name]


# ---- reading addresses


def _some(allowed: Sequence[str]) -> Callable[[str, list[str]], tuple[str, ...]]:
    def read(name: str, values: list[str]) -> tuple[str, ...]:
        wrong = [value for value in values if value not in allowed]
        if wrong:
            raise BadInput(f"{name} cannot be {wrong[0][:40]!r}: use {', '.join(allowed)}")
        return tuple(dict.fromkeys(values))

    return read


def _texts(name: str, values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value[:MOST_TEXT] for value in values))


def _numbers(name: str, values: list[str]) -> tuple[int, ...]:
    if not all(value.isascii() and value.isdigit() and len(value) < 16 for value in values):
        raise BadInput(f"{name} must be whole numbers")
    return tuple(dict.fromkeys(int(value) for value in values))


def _one(read: Callable[[str, list[str]], tuple[Any, ...]]) -> Callable[[str, list[str]], Any]:
    return lambda name, values: read(name, values[-1:])[0]


def _share(name: str, values: list[str]) -> float:
    try:
        value = float(values[-1])
    except ValueError:
        value = np.nan
    if not 0 <= value <= 1:
        raise BadInput(f"{name} must be {'an IoU' if name.startswith('iou') else 'a confidence'} from 0 to 1, not {values[-1][:40]!r}")
    return value


def _yes(name: str, values: list[str]) -> bool:
    return bool(_some(("1",))(name, values))


def _ordering(name: str, values: list[str]) -> str:
    value = values[-1]
    return value if value.startswith((BY_SCORE, metadata.PREFIX)) else _some(ORDERS)(name, [value])[0]


_READ: Mapping[str, Callable[[str, list[str]], Any]] = {
    "state": _some(STATES),
    "label": _texts,
    "guess": _texts,
    "by": _texts,
    "asked": _numbers,
    "split": _some(tuple(SPLITS)),
    "text": _one(_texts),
    "above": _share,
    "below": _share,
    "differs": _yes,
    "alike": _yes,
    "group": _one(_numbers),
    "doubted": _yes,
    "holds": _texts,
    "painted": _some(PAINTED),
    "iou_above": _share,
    "iou_below": _share,
    "among": _one(_texts),
    "like": _numbers,
    "then": _one(_numbers),
    "noted": _yes,
    "answered": _one(_numbers),
    "order": _ordering,
    "back": _yes,
}
_USUAL: Mapping[str, Any] = {name: getattr(View(), name) for name in _READ}
