"""The site is built whole from the README and the methods' classes, needs nothing from elsewhere, and no link of it leads nowhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from alcore.strategies import STRATEGIES
from docs.build import ASSETS, build, lines_of, parted, raised, relinked, site, slug
from tests.house import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MEANS_ASSET = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}


class Page(HTMLParser):
    """What a page loads, where it leads, its anchors and its words."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.anchors: set[str] = set()
        self.words: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if (tag, key) in MEANS_ASSET and value:
                self.loads.append(value)
            if (tag, key) == ("a", "href") and value:
                self.leads.append(value)
            if key == "id" and value:
                self.anchors.add(value)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    assert build(folder) == len(site().pages)
    return folder


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[str, Page]:
    return {file.relative_to(built).as_posix(): Page(file) for file in built.rglob("*.html")}


def test_every_page_is_there(pages: dict[str, Page]) -> None:
    assert {file.replace(".md", ".html") for file in site().pages} | {"404.html"} == set(pages)
    assert {f"strategies/{name}.html" for name in STRATEGIES} <= set(pages)


def test_nothing_is_loaded_from_elsewhere(built: Path, pages: dict[str, Page]) -> None:
    loads = {(name, target) for name, page in pages.items() for target in page.loads}
    assert len(loads) > 100
    assert [each for each in loads if urlsplit(each[1]).scheme or urlsplit(each[1]).netloc] == []
    styles = [file.read_text(encoding="utf-8") for file in built.rglob("*.css")]
    assert styles
    assert [found for text in styles for found in re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)'\"]*", text)] == []


def test_every_link_inside_leads_somewhere(built: Path, pages: dict[str, Page]) -> None:
    lost = []
    for name, page in pages.items():
        for target in (*page.leads, *page.loads):
            parts = urlsplit(target)
            if parts.scheme or target in (".", "#__skip") or name == "404.html":
                continue
            file = (built / name).parent / unquote(parts.path) if parts.path else built / name
            file = file.resolve()
            if not file.is_file():
                lost.append((name, target))
            elif parts.fragment and file.suffix == ".html":
                anchors = pages[file.relative_to(built.resolve()).as_posix()].anchors
                if parts.fragment not in anchors:
                    lost.append((name, target))
    assert lost == []


def test_links_to_elsewhere_are_the_papers(pages: dict[str, Page]) -> None:
    away = {target for page in pages.values() for target in page.leads if urlsplit(target).scheme in ("http", "https")}
    assert {urlsplit(target).netloc for target in away} <= {"arxiv.org", "localhost:8501"}


def test_no_section_of_the_readme_is_left_out(pages: dict[str, Page]) -> None:
    front, sections = parted(README)
    texts = list(site().pages.values())
    for title, body in sections.items():
        code = [line for line, inside in lines_of(body) if inside and not line.startswith("```")]
        assert any(all(f"{line}\n" in text for line in code) and _first(body) in text for text in texts), title
    assert front.splitlines()[2] in site().pages["index.md"]


def _first(body: str) -> str:
    """A sentence's worth of a section that has no link in it."""
    return next(line for line, _ in lines_of(body) if line and "](" not in line)


def test_a_section_that_nobody_placed_gets_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    made = site(README + "\n## A new one\n\nSee [the loop](#the-loop).\n\n### Below\n\nMore.\n")
    assert made.pages["a-new-one.md"] == "# A new one\n\nSee [the loop](loop.md).\n\n## Below\n\nMore.\n\n"
    assert made.nav[-1] == {"More": [{"A new one": "a-new-one.md"}]}


def test_no_code_stands_on_the_site_that_is_not_the_readmes() -> None:
    """The README's blocks are run by the tests (test_readme.py), so all that stand there are."""
    known = {line for line, inside in lines_of(README) if inside}
    assert {line for text in site().pages.values() for line, inside in lines_of(text) if inside} <= known
    assert {line for line in known if line.startswith("python -m alcore")} <= {
        line for text in site().pages.values() for line, inside in lines_of(text) if inside
    }


def test_equations_are_drawn_without_a_script(built: Path) -> None:
    for name, kind in STRATEGIES.items():
        text = (built / "strategies" / f"{name}.html").read_text(encoding="utf-8")
        assert text.count("<math ") == len(kind.equations)
        assert "$$" not in text


def test_a_readme_is_taken_apart() -> None:
    text = "# A\n\nfront\n\n## One\n\n```\n## no heading\n### nor this\n```\n\n### Sub\n\nx\n\n## Two\n\ny\n"
    front, sections = parted(text)
    assert front == "# A\n\nfront\n\n"
    assert list(sections) == ["One", "Two"]
    assert raised(sections["One"]) == "```\n## no heading\n### nor this\n```\n\n## Sub\n\nx\n\n"
    assert slug("Photos: pretrained features, in `code`") == "photos-pretrained-features-in-code"


def test_links_become_those_of_a_page() -> None:
    figures = dict(ASSETS)
    text = "[a](#sub) ![p](docs/label.webp) [out](https://arxiv.org/abs/1)\n```\n[a](#sub)\n```\n"
    where = {"sub": "one.md#sub"}
    assert relinked(text, "strategies/x.md", where, figures) == (
        "[a](../one.md#sub) ![p](../label.webp) [out](https://arxiv.org/abs/1)\n```\n[a](#sub)\n```\n"
    )
    assert figures["label.webp"] == ROOT / "docs" / "label.webp"


def test_the_picture_is_small_and_is_what_it_says() -> None:
    from PIL import Image

    file = ROOT / "docs" / "label.webp"
    assert file.stat().st_size <= 150_000
    with Image.open(file) as picture:
        assert (picture.format, picture.size) == ("WEBP", (1280, 800))


COST = """
const { costOf, short } = require(process.argv[1]);
const given = { images: 1e6, pace: 100, classes: 10, rounds: 20, labeling: 8, machines: 2, price: 1.5 };
console.log(JSON.stringify([costOf(given), costOf({ ...given, price: NaN }).dollars, short(2.7234), short(12345.6)]));
"""


def test_the_form_of_costs_works_them_out_by_the_readmes_figures(built: Path) -> None:
    node = shutil.which("node")
    assert node, "the form's script needs node to be tried"
    told = subprocess.run([node, "-e", COST, str(built / "costs.js")], capture_output=True, text=True, check=True).stdout
    cost, without, *shown = json.loads(told)
    assert cost["hours"] == pytest.approx(1e6 / 100 / 3600)
    assert cost["gigabytes"] == pytest.approx(1e6 * (155 + 2680 + 80 + 20 * (68 + 4 * 3 * 10)) / 1e9)
    assert cost["dollars"] == pytest.approx(2 * 1.5 * (1e6 / 100 / 3600 + 8))
    assert without is None
    assert shown == ["2.72", "12,350"]
    text = (built / "costs.html").read_text(encoding="utf-8")
    assert '<form class="costs"' in text
    said = " ".join(Page(built / "costs.html").words)
    assert all(f"{number} bytes an image" in said for number in ("155", "2,680", "80"))
