"""Experiments that lie in a folder: which there are, how far each is, what its records say as they land. Writes nothing, trains nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alcore.simulation.comparison import compare
from alcore.simulation.experiment import train_of
from alcore.simulation.records import Tables, read_json, record_path, run_folder
from alcore.strategies import title_of


def names(folder: Path) -> list[str]:
    """The experiments below `folder`, the newest first."""
    found = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return [path.name for path in sorted(found, key=lambda path: (-path.stat().st_mtime, path.name))]


@dataclass(frozen=True)
class Kept:
    """An experiment whose config.json is written.

    Attributes:
        tables: keeps the rows it has read: ask the same object again while records land.
        mark: of config.json; another one when the experiment was extended.
    """

    out: Path
    config: Mapping[str, Any]
    tables: Tables
    mark: int

    @classmethod
    def of(cls, out: Path, before: Kept | None = None) -> Kept | None:
        """What lies in `out`, `before` if that is still true; None as long as the data is being read. BadInput for a damaged file."""
        path = out / "config.json"
        if not path.is_file():
            return None
        mark = path.stat().st_mtime_ns
        if before is not None and (before.out, before.mark) == (out, mark):
            return before
        config = read_json(path)
        return cls(out, config, Tables(out, config), mark)

    @property
    def planned(self) -> int:
        """Rounds in all."""
        return len(self.config["strategies"]) * len(self.config["seeds"]) * int(self.config["rounds"])

    @property
    def finished(self) -> int:
        """Rounds that have a record."""
        return len(self.tables.paths())

    def frame(self) -> pd.DataFrame:
        """The rows of results.csv by now."""
        return self.tables.frame()

    def summary(self) -> dict[str, Any]:
        """What `comparison.compare` says of them."""
        return compare(self.frame(), self.config["semi_supervised"])

    def called(self, text: str) -> str:
        """A strategy by its title; a variant by the text it was asked by, which says what is its own."""
        asked = self.config["strategies"][text]
        return title_of(asked["strategy"], asked["params"], train_of(self.config, text)) if text == asked["strategy"] else text

    def queries(self, seed: int, number: int) -> dict[str, list[int]]:
        """strategy -> ids it asked for after a round's training, most wanted first as recorded; those without that record are left out."""
        found = {}
        for text in self.config["strategies"]:
            path = record_path(run_folder(self.out, text, seed), number)
            if path.is_file():
                found[text] = [int(i) for i in read_json(path)["query"]["ids"]]
        return found

    def seconds(self) -> dict[str, tuple[float, float]]:
        """strategy -> what a round of it took on average: its training, and its testing, scoring and choosing."""
        frame = self.frame()
        rest = frame[["evaluate_seconds", "score_seconds", "select_seconds"]].astype(float).sum(axis=1)
        took = pd.DataFrame({"train": frame["train_seconds"].astype(float), "rest": rest})
        mean = took.groupby(frame["strategy"]).mean()
        return {str(text): (float(row["train"]), float(row["rest"])) for text, row in mean.iterrows()}
