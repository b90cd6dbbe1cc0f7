"""What each method would ask for by the same stored look at the pool, side by side, and one of them taken as the query. Trains nothing:
totals and selections are the strategies' own."""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from alcore.errors import AlcoreError, BadInput
from alcore.measures import scores
from alcore.measures.clusters import of_length_one
from alcore.nets.models import linear_weight
from alcore.progress import Progress, Report, ignore_progress
from alcore.project import predictions, slices
from alcore.project.features import Features
from alcore.project.passes import CPU, Pass
from alcore.project.queue import looked_at
from alcore.project.stored import Stored
from alcore.strategies import STRATEGIES, params_of, title_of
from alcore.strategies.base import Seen, Strategy
from alcore.training.devices import seeded
from alcore.training.pool import Pool
from alcore.training.walk import one_of_each
from alcore.types import FRAMES, PROPOSED, START, Round, check_query_size

# methods that ask by logits, embeddings and labels alone, whatever trained them
ABLE = ("random", "entropy", "margin", "badge", "coreset", "typiclust", "uherding", "alfa_mix")
COMMITTEE = "qbc"
MOST = 1000  # images of a query that are compared
SHOWN_CLASSES = 5
LONGEST = 120_000  # ms: who takes longer for a label has gone away
FEWEST = 5  # labels whose times tell what one takes


@dataclasses.dataclass(frozen=True)
class _Look:
    """The stored pass as it is by now, and what near duplicates are."""

    looked: Pass
    pool: Pool
    seen: Seen
    alike: np.ndarray | None
    found: Features | None


def check(project: Stored, size: int) -> Round:
    """The round whose look would be compared by; raises what keeps that from being done.

    Raises:
        BadInput: the size makes no sense.
        AlcoreError: no round has a model, it asked for parts of images, or nothing is left to ask for.
    """
    if not 1 <= size <= MOST:
        raise BadInput(f"cannot compare queries of {size} images: use 1 to {MOST:,}")
    round_ = predictions.newest_model(project)
    if round_ is None:
        raise AlcoreError(f"{project.name!r} has no round with a model yet, so there is no look at the pool to compare by: train a round")
    if round_.unit != FRAMES:
        raise AlcoreError(f"round {round_.number} asked for {round_.unit}: methods are compared by whole images, query_unit=frames")
    return round_


def names(looked: Pass) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The methods that can be compared by a look, and those that ask by something only their own training gives; in the order of lists."""
    serves = [name for name, kind in STRATEGIES.items() if looked.project.task in kind.tasks]
    fits = dict.fromkeys(ABLE, True)
    fits["alfa_mix"] = _is_linear(_head(looked.strategy))
    fits[COMMITTEE] = len(looked.files.heads) > 1 and not looked.project.dense
    fits[looked.round.strategy] = True
    able = [name for name in serves if fits.get(name)]
    return tuple(able), tuple(name for name in serves if name not in able)


def compare(project: Stored, size: int, report: Report = ignore_progress) -> dict[str, Any]:
    """What each method would ask for, of the images that the newest round looked at and that may still be asked for.

    Args:
        report: told of each method; may raise to stop.

    Returns:
        round, labeled (images the round looked at), counted (labels there are in all), size, seen (how many may be asked for), proposals
        (each with name, title, ids in the order they would be asked, guesses, the model's for each, classes, pairs of name and count by
        these, diversity, within and beside), overlap (a row a proposal: how many images it shares with each), others (titles of the methods
        that need their own training), by (what images are compared by), and seconds, what a label takes here at the median, None where
        that is not known.

    Raises:
        AlcoreError: as `check`; or what it needs of the round is gone.
    """
    looked = Pass(project, check(project, size))
    report(Progress("comparing", 0, 1, message="what the round saw"))
    look = _look(looked, report)
    size = check_query_size(size, len(look.seen.ids))
    able, others = names(looked)
    found = []
    for done, name in enumerate(able):
        title = _title(looked, name)
        report(Progress("comparing", done, len(able), message=title))

        def within(progress: Progress, done: int = done, title: str = title) -> None:
            report(Progress("comparing", done, len(able), message=title))

        ids = _asked(look, name, size, within)
        found.append({"name": name, "title": title, "ids": ids.tolist(), **_measured(look, ids)})
    report(Progress("comparing", len(able), len(able)))
    sets = [set(each["ids"]) for each in found]
    return {
        "round": looked.round.number,
        "labeled": len(look.seen.targets),
        "counted": project.counts()["labeled"],
        "size": size,
        "seen": len(look.seen.ids),
        "proposals": found,
        "overlap": [[len(a & b) for b in sets] for a in sets],
        "others": [STRATEGIES[name].title for name in others],
        "by": "features" if look.found is not None else "embedding",
        "seconds": seconds_a_label(project),
    }


def _look(looked: Pass, report: Report) -> _Look:
    project = looked.project
    pool, found, alike = project.pool(), None, None
    if looked.on_features:
        found = Features(project, str(looked.round.train["extractor"]))
    pool = slices.kept_apart(project, pool, found)
    if found is not None:
        alike = slices.groups_of(project, pool.ids, found)
    seen = looked.now(pool)
    if not len(seen.ids):
        raise AlcoreError(
            f"nothing that round {looked.round.number} looked at is left to ask for: train a round, which looks at the pool anew"
        )
    if not len(seen.targets):
        raise AlcoreError(f"nothing that round {looked.round.number} looked at is labeled any more: label some images first")
    return _Look(looked, dataclasses.replace(pool, unlabeled=seen.ids), seen, alike, found)


def _title(looked: Pass, name: str) -> str:
    round_ = looked.round
    if name == round_.strategy:
        return f"{title_of(name, round_.params, round_.train)}, as the round itself"
    if name == COMMITTEE:
        return f"{STRATEGIES[name].title}, over the round's {len(looked.files.heads)} heads"
    return title_of(name, {}, round_.train)


def _asked(look: _Look, name: str, n: int, report: Report) -> np.ndarray:
    """A method's query, as a round of it would choose by this look."""
    strategy, seen = _strategy(look.looked, name), look.seen
    if name == COMMITTEE and name != look.looked.round.strategy:
        heads = [torch.from_numpy(seen.unlabeled[head]) for head in look.looked.files.heads]
        seen = dataclasses.replace(seen, unlabeled={**seen.unlabeled, "disagreement": scores.disagreement(heads).double().numpy()})
    rng = np.random.default_rng(len(look.looked.project.rounds()))  # a next round's seed
    strategy.report = report
    try:
        total = strategy.total(seen, rng) if strategy.by_total else np.zeros(len(seen.ids))
    finally:
        strategy.report = ignore_progress  # the round's own is kept for others

    def choose(more: int) -> np.ndarray:
        return strategy.select(total, seen, more, copy.deepcopy(rng), report)

    chosen = choose(n)
    return chosen if look.alike is None else one_of_each(chosen, look.pool, look.alike, n, choose)


def _strategy(looked: Pass, name: str) -> Strategy:
    """The round's own with its weights, or another with its usual parameters; of its networks none is asked anything but the head, which is
    the round's."""
    own = looked.strategy
    if name == looked.round.strategy:
        return own
    with seeded(0, CPU):
        made = STRATEGIES[name](own.task, own.train_params, params_of(name, {}, own.train_params))
    made.head = _head(own)
    return made.eval()


def _head(own: Strategy) -> nn.Module:
    """What made a round's logits of its embeddings: of MAL its classifier C, and not its task model's."""
    head: nn.Module = getattr(own, "c", own.head)
    return head


def _is_linear(head: nn.Module) -> bool:
    try:
        linear_weight(head)
    except TypeError:
        return False
    return True


def more(project: Stored, size: int, number: int | None = None) -> Round:
    """The next query by the look that there is: what the newest round's method asks for of the images that are left. For people who have
    answered everything before a next round can begin.

    Args:
        number: of the round that it must become.

    Raises:
        BadInput, AlcoreError: as `check`; or nothing that the round looked at is left. Busy: there is a round of that number.
    """
    looked = Pass(project, check(project, size))
    look = _look(looked, ignore_progress)
    name = looked.round.strategy
    ids = _asked(look, name, check_query_size(size, len(look.seen.ids)), ignore_progress)
    proposal = {"name": name, "title": _title(looked, name), "ids": ids.tolist()}
    return take(project, {"round": looked.round.number, "proposals": [proposal]}, name, number)


# ---- what a query is like


def _measured(look: _Look, ids: np.ndarray) -> dict[str, Any]:
    """Classes by the model's guess; diversity, the mean cosine distance of two of its images, None for one; and how many of its images are
    near duplicates of another one before it (`within`) or of a labeled one (`beside`), None where no features say what that is."""
    files, classes = look.looked.files, look.looked.classes
    places = np.array([files.position[i] for i in ids.tolist()], np.int64)
    guesses = [classes[k] for k in np.asarray(files.array("logits")[places]).argmax(1).tolist()]
    x = _unit(look, ids)
    told: dict[str, Any] = {
        "guesses": guesses,
        "classes": [[name, count] for name, count in Counter(guesses).most_common()],
        "diversity": diversity(x),
        "within": None,
        "beside": None,
    }
    if look.found is not None:
        labeled = _unit(look, look.pool.labeled[np.isin(look.pool.labeled, files.walked_ids)])
        told["within"], told["beside"] = redundancy(x, labeled, look.found.cosine)
    return told


def _unit(look: _Look, ids: np.ndarray) -> np.ndarray:
    """(n, d) of length 1: the images' features, or what the round's network made of them."""
    if look.found is not None:
        rows = look.found.rows[np.searchsorted(look.found.ids, ids)]
        return of_length_one(look.found.store.vectors()[rows])
    walked = look.looked.files.walked_ids
    order = np.argsort(walked)
    return of_length_one(look.looked.embeddings(order[np.searchsorted(walked[order], ids)]))


def diversity(x: np.ndarray) -> float | None:
    """The mean of 1 - cosine over all pairs of unit vectors (n, d); None for fewer than two."""
    n = len(x)
    if n < 2:
        return None
    together = float((x.sum(0, dtype=np.float64) ** 2).sum())
    return 1 - (together - float((x.astype(np.float64) ** 2).sum())) / (n * (n - 1))


def redundancy(x: np.ndarray, labeled: np.ndarray, cosine: float) -> tuple[int, int]:
    """How many of unit vectors x (n, d) are at least so alike to one before them, and how many to one of `labeled` (l, d)."""
    before = np.tril(x @ x.T, -1)
    beside = (x @ labeled.T).max(1) if len(labeled) else np.full(len(x), -1.0)
    return int((before.max(1) >= cosine).sum()) if len(x) else 0, int((beside >= cosine).sum())


def seconds_a_label(project: Stored) -> float | None:
    """The median of what labels took here, in seconds, without pauses; None before there are some."""
    times = [ms for _, ms in project.items.label_times() if ms <= LONGEST]
    return float(np.median(times)) / 1000 if len(times) >= FEWEST else None


# ---- one of them as the query


def take(project: Stored, compared: Mapping[str, Any], name: str, number: int | None = None) -> Round:
    """Makes one method's choice the query: a round without a model of its own, whose images keep the guesses of the look they come from.
    What was answered meanwhile is left out.

    Args:
        compared: what `compare` gave.
        number: of the round that it must become.

    Raises:
        BadInput: there is no such proposal, or nothing of it is open any more. Busy: there is a round of that number.
    """
    proposal = next((each for each in compared["proposals"] if each["name"] == name), None)
    if proposal is None:
        known = ", ".join(each["name"] for each in compared["proposals"])
        raise BadInput(f"there is no proposal of {name[:40]!r}: compare again, or use one of {known}")
    open_ids = set(project.pool().unlabeled.tolist())
    ids = [i for i in proposal["ids"] if i in open_ids]
    if not ids:
        raise BadInput(f"all {len(proposal['ids'])} images that {proposal['title']} would ask for are answered by now: compare again")
    base = looked_at(project, project.round(int(compared["round"])))
    params = {"by": name, "title": proposal["title"].removesuffix(", as the round itself"), "round": base.number}
    asked = slices.mixed(ids, slices.slice_of(project).waiting, last=len(ids) == len(open_ids))
    labeled = project.counts()["labeled"]
    values = {"seed": base.seed, "labeled": labeled, "device": "cpu", "seconds": {}, "params": params, "number": number}
    return project.round_rows.add(f"{START}{PROPOSED}", asked, **values)
