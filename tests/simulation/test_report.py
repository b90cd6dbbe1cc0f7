"""report.html: it parses, holds every strategy escaped, fetches nothing, and says in words what there is not."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest

from alcore.simulation.comparison import compare
from alcore.simulation.report import render

HOSTILE = ("</script><script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "a&b<c>'d'", "x" * 300)
EMPTY = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Elements that are open at the end or closed out of turn, text by element, and every attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[tuple[str, str]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text.append((self.open[-1] if self.open else "", data))


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert (reader.wrong, reader.open) == ([], [])
    return reader


def page_of(values: dict[str, dict[int, dict[int, float]]], ssl: tuple[str, ...] = (), **change: Any) -> str:
    rows = [
        {"strategy": n, "seed": s, "labeled": c, "metric": "accuracy", "value": v, "train_seconds": 61.0, "score_seconds": 0.5, "select_seconds": 0.002}
        for n, seeds in values.items() for s, points in seeds.items() for c, v in points.items()
    ]  # fmt: skip
    columns = ["strategy", "seed", "labeled", "metric", "value", "train_seconds", "score_seconds", "select_seconds"]
    summary = compare(pd.DataFrame(rows, columns=columns), ssl) | {"finished": len(rows), "planned": len(rows)}
    config = {
        "dataset": "toy", "source": "toy", "fingerprint": "ab", "image_size": 8, "classes": 4, "pool": 4000, "test": 16, "init": 10,
        "query_size": 10, "rounds": 2, "seeds": [0, 1], "strategies": {n: {"strategy": n, "params": {"heads": 2}} for n in values},
        "train": {"steps": 6}, "thin": [], "notes": ["a note <of> the data"], "environment": {"torch": "2", "gpu": None},
    } | change  # fmt: skip
    return render(summary, config)


TWO = {
    "mal": {0: {10: 0.5, 20: 0.7}, 1: {10: 0.6, 20: 0.9}},
    "random": {0: {10: 0.5, 20: 0.6}, 1: {10: 0.6, 20: 0.6}},
}


def test_every_strategy_is_there_escaped_and_none_is_markup():
    values = {name: {s: {10: 0.5, 20: 0.6 + s / 100} for s in (0, 1)} for name in (*HOSTILE, "random")}
    found = read(page_of(values, HOSTILE[:1], dataset="</title><script>alert(3)</script>", source="<b>"))
    tags = [tag for tag, _ in found.tags]
    assert tags.count("script") == 2
    assert {"img", "b"} & {t for t, a in found.tags if a.get("src") or a.get("onerror")} == set()
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    buttons = [text for tag, text in found.text if tag == "button"]
    assert [b.rstrip("†") for b in buttons] == [*HOSTILE, "random"]
    assert buttons[0].endswith("†")
    assert not any(b.endswith("†") for b in buttons[1:])
    assert next(text for tag, text in found.text if tag == "h1") == "</title><script>alert(3)</script>: 5 strategies compared"


def test_the_page_fetches_nothing():
    page = page_of(TWO)
    found = read(page)
    assert not re.search(r"https?://|@import|url\(", page)
    assert [tag for tag, attributes in found.tags if {"src", "href"} & attributes.keys()] == []
    policy = next(a["content"] for tag, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def cells(page: str, section: str) -> list[list[str]]:
    """The rows of the first table of a section, as text."""
    inside = page.split(f"<h2>{section}</h2>", 1)[1].split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in inside.split("</tr>") if "<t" in row]
    return [[re.sub(r"<[^>]+>", " ", cell).split() for cell in row] for row in rows]


def test_the_tables_show_the_numbers_of_the_summary_in_percent():
    page = page_of(TWO)
    mal, random = cells(page, "Every point")
    assert mal == [["mal"], ["55.00", "±", "7.07"], ["80.00", "±", "14.14"], ["67.50", "±", "10.61"]]
    assert random[2] == ["60.00", "±", "0.00"]
    (difference,) = cells(page, "Difference to random")
    assert difference[1] == ["0.00", "identical"]
    assert difference[2] == ["+20.00", "−107.06", "to", "+147.06"]  # 0.1 and 0.3: mean 0.2, half width 12.706 * 0.1
    assert cells(page, "Seconds a round")[0][1:] == [["61", "s"], ["500", "ms"], ["2.0", "ms"]]


def test_labels_for_what_random_reaches_are_said_in_words():
    page = page_of(TWO)
    assert "Random has 60.00 % at 20 labels." in page
    # mal's mean goes from 55 to 80 % between 10 and 20 labels: 60 % at 12
    assert cells(page, "Labels for what random reaches") == [[["mal"], ["12"], ["40", "%", "fewer"]], [["random"], ["20"], ["as", "many"]]]
    slow = TWO | {"slow": {s: {10: 0.1, 20: 0.2} for s in (0, 1)}, "early": {s: {10: 0.7, 20: 0.7} for s in (0, 1)}}
    rows = cells(page_of(slow), "Labels for what random reaches")
    assert rows[2:] == [[["slow"], ["not", "reached"], ["–"]], [["early"], ["at", "most", "10"], ["50", "%", "fewer"]]]
    assert "Labels for what" not in page_of({"mal": {0: {10: 0.5, 20: 0.6}}})


def test_intervals_say_what_they_cover_and_p_values_stand_beside_holms():
    six = {name: {s: {10: 0.5, 20: 0.6 + gain + s / 1000} for s in range(6)} for name, gain in (("a", 0.1), ("b", 0.2), ("random", 0.0))}
    page = page_of(six)
    assert "The intervals cover the chance of seeds alone" in page
    assert "p = 0.0312, Holm 0.0625" in page


def test_a_variant_is_shown_by_its_papers_name_first():
    text = "mal:minimax=false+select_by=random"
    page = page_of({text: TWO["mal"], "random": TWO["random"]}, names={text: "SL-Random"})
    assert cells(page, "Every point")[0][0] == ["SL-Random", f"({text})"]
    given = json.loads(re.search(r'<script type="application/json" id="numbers">(.*?)</script>', page, re.S)[1])
    assert given["series"][0]["name"] == f"SL-Random ({text})"


def test_the_script_gets_the_numbers_it_shows():
    page = page_of(TWO, ("mal",))
    given = json.loads(re.search(r'<script type="application/json" id="numbers">(.*?)</script>', page, re.S)[1])
    assert given["labeled"] == [10, 20]
    assert given["series"][0]["name"] == "mal†"
    assert given["series"][0]["points"]["20"] == [pytest.approx(0.8), "80.00 ± 14.14", 2]
    assert given["series"][1]["color"] == 0  # random is grey


def test_what_is_missing_is_said():
    page = page_of({"mal": {0: {10: 0.5}}}, ("mal",), notes=["a note <of> the data"])
    read(page)
    for words in (
        "random was not run: there are no differences to it",
        "one seed: there is no spread, no interval and no test",
        "one labeled count: the budget has no width",
        "a note &lt;of&gt; the data",
        "<code>mal:select_by=random</code>",
    ):
        assert words in page
    assert "nan" not in page.lower().replace("nano", "")


def test_an_experiment_without_a_finished_round_has_a_page():
    page = page_of({})
    assert "No round is finished yet." in page
    read(page)


def test_an_unfinished_experiment_says_how_far_it_is():
    rows = pd.DataFrame([{"strategy": "random", "seed": 0, "labeled": 10, "metric": "accuracy", "value": 0.5}])
    page = page_of(TWO)
    assert "Not finished" not in page
    summary = compare(rows) | {"finished": 1, "planned": 6}
    config = json.loads(re.sub("&quot;", '"', re.search(r"<pre>(.*?)</pre>", page, re.S)[1]).replace("&lt;", "<").replace("&gt;", ">"))
    assert "Not finished: 1 of 6 rounds are done." in render(summary, config)
