"""What a preset is: one experiment of a paper, or of ours, with every value that it fixes. Names none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Preset:
    """One experiment of a paper.

    Attributes:
        data: what to give as the source.
        strategies: those the paper compares, by our names.
        init, query_size: labels at the start and a round's query; below 1 a share of the pool.
        rounds: points of the curve.
        train: training parameters that differ from the defaults or are stated; `params` those of strategies.
        thin: ratios to keep of equally many classes each; () keeps everything.
        image_size: side in pixels.
        sources: value -> where it is from: the paper's place, or for what it omits the source that was taken.
        task: what is learned.
    """

    name: str
    title: str
    paper: str
    data: str
    strategies: tuple[str, ...]  # or variants, as simulate takes them
    init: float
    query_size: float
    rounds: int
    seeds: tuple[int, ...]
    train: Mapping[str, Any]
    params: Mapping[str, Mapping[str, Any]]
    image_size: int
    thin: tuple[float, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    task: str = "classification"
