"""The site's pages from what is there already: the README's sections, and the classes of the methods. Nothing is written twice.

A section that no page below names gets a page of its own, so that a new one is never forgotten.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.commands.build import build as build_site
from mkdocs.config import load_config

from alcore.teaching.methods import Method, method, methods

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ASSETS = {
    "label.webp": HERE / "label.webp",
    "site.css": HERE / "site.css",
    "mark.svg": ROOT / "pages" / "ui" / "mark.svg",
    "costs.js": HERE / "costs.js",
}
# group -> pages: file, title, the README's sections on it
GROUPS: Mapping[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "": (
        ("index.md", "What it is", ("Start", "What it saves")),
        ("first-minutes.md", "The first five minutes", ("The first five minutes",)),
    ),
    "Use": (
        ("loop.md", "The loop", ("The loop",)),
        ("photos.md", "Photos", ("Photos: pretrained features",)),
        ("reading.md", "What it reads", ("What it reads",)),
        ("people.md", "Several people", ("Several people",)),
        ("segmentation.md", "Segmentation", ("Segmentation",)),
        ("notebooks.md", "Python and notebooks", ("Python", "In a notebook")),
        ("elsewhere.md", "The model elsewhere", ("The model elsewhere",)),
    ),
    "Methods": (
        ("strategies/index.md", "All methods", ("Strategies",)),
        ("strategies/own.md", "Your own", ("Your own strategy",)),
        ("strategies/compare.md", "Compare them", ("Which strategy would have been best",)),
    ),
    "Reference": (
        ("command-line.md", "Command line", ("Command line",)),
        ("http.md", "HTTP", ("HTTP",)),
        ("network.md", "Networks and proxies", ("On a network and behind a proxy",)),
        ("accounts.md", "Accounts and roles", ("Accounts and roles",)),
        ("container.md", "In a container", ("In a container",)),
        ("team.md", "A team on PostgreSQL", ("A team on PostgreSQL",)),
        ("costs.md", "What it takes", ("What it takes",)),
    ),
    "Behind it": (
        ("speed.md", "Speed", ("Speed",)),
        ("house.md", "The house", ("The house",)),
        ("tests.md", "Tests", ("Tests",)),
        ("changes.md", "Changes", ("Changes",)),
    ),
}
FORMS = {"costs.md": HERE / "costs.html"}  # page -> what stands below the README's words there, with a script of its own
OTHERS = "More"  # the group of sections that no page names


@dataclass(frozen=True)
class Site:
    """Pages before they are drawn.

    Attributes:
        pages: file -> Markdown.
        nav: as MkDocs takes it.
        figures: file of the site -> file of the tree.
    """

    pages: Mapping[str, str]
    nav: list[Any]
    figures: Mapping[str, Path]


def site(readme: str | None = None) -> Site:
    """All pages of the README's text, by default of the one that is there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8") if readme is None else readme
    front, sections = parted(text)
    groups = {group: list(pages) for group, pages in GROUPS.items()}
    named = {title for pages in GROUPS.values() for *_, titles in pages for title in titles}
    groups[OTHERS] = [(f"{slug(title)}.md", title, (title,)) for title in sections if title not in named]
    pages: dict[str, str] = {}
    where: dict[str, str] = {}  # anchor of the README -> page, and the anchor there
    for file, title, titles in (page for each in groups.values() for page in each):
        bodies = [sections[name] for name in titles if name in sections]
        only = len(titles) == 1
        pages[file] = front if file == "index.md" else f"# {title}\n\n"
        for name, body in zip((name for name in titles if name in sections), bodies, strict=True):
            where[slug(name)] = file if only else f"{file}#{slug(name)}"
            where |= {slug(head): f"{file}#{slug(head)}" for head in headings(body)}
            pages[file] += raised(body) if only else f"## {name}\n\n{body}"
    for name in methods():
        pages[f"strategies/{name}.md"] = method_page(method(name))
    pages["strategies/index.md"] += "\n## A page for each\n\n" + "".join(
        f"- [{title}]({name}.md): {first_sentence(method(name))}\n" for name, title in methods().items()
    )
    for file, form in FORMS.items():
        if file in pages:
            pages[file] += form.read_text(encoding="utf-8")
    figures = {**ASSETS}
    done = {file: relinked(text, file, where, figures) for file, text in pages.items()}
    return Site(done, nav(groups), figures)


def build(folder: Path) -> int:
    """Writes the site into `folder`, which is emptied first, and gives the number of its pages; a link that leads nowhere ends it."""
    made = site()
    with tempfile.TemporaryDirectory() as parent:
        source = Path(parent) / "pages"
        for file, text in made.pages.items():
            (source / file).parent.mkdir(parents=True, exist_ok=True)
            (source / file).write_text(text, encoding="utf-8")
        for file, origin in made.figures.items():
            (source / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, source / file)
        settings = load_config(str(HERE / "mkdocs.yml"), docs_dir=str(source), site_dir=str(folder.resolve()), nav=made.nav, strict=True)
        build_site(settings)
    return len(made.pages)


def method_page(shown: Method) -> str:
    """A method's page, equations as MathML, so that no script is needed to draw them."""
    return f"# {shown.title}\n\n{shown.markdown(formula)}"


def formula(latex: str) -> str:
    """An equation as a block of MathML, which keys can scroll where it is wider than its page."""
    return f'<div class="formula" tabindex="0">{convert(latex, display="block")}</div>'


def first_sentence(shown: Method) -> str:
    """What a list says of a method."""
    words = shown.sections[0].parts[0]
    return re.split(r"(?<=[.:;]) ", getattr(words, "words", ""))[0].rstrip(":;.") + "."


# ---- the README, taken apart


def lines_of(text: str) -> list[tuple[str, bool]]:
    """Each line, and whether it lies in a block of code."""
    found, inside = [], False
    for line in text.splitlines():
        fence = line.startswith("```")
        found.append((line, inside or fence))
        inside ^= fence
    return found


def parted(text: str) -> tuple[str, dict[str, str]]:
    """What stands above the first section, and the sections: title -> text below the heading."""
    front: list[str] = []
    sections: dict[str, list[str]] = {}
    at = front
    for line, code in lines_of(text):
        if not code and line.startswith("## "):
            at = sections.setdefault(line[3:].strip(), [])
        else:
            at.append(line)
    return "\n".join(front).rstrip() + "\n\n", {title: "\n".join(body).strip() + "\n\n" for title, body in sections.items()}


def headings(body: str) -> list[str]:
    """The headings within a section."""
    return [line.lstrip("# ").strip() for line, code in lines_of(body) if not code and line.startswith("###")]


def raised(body: str) -> str:
    """A section whose heading is the page's: those below it move up by one."""
    return "".join((line[1:] if not code and line.startswith("###") else line) + "\n" for line, code in lines_of(body))


def slug(title: str) -> str:
    """A heading's anchor."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title.lower())).strip("-")


def relinked(text: str, file: str, where: Mapping[str, str], figures: dict[str, Path]) -> str:
    """The README's links as those of a page: anchors lead to the page that has them, pictures into the site; both relative to it."""

    def away(target: str) -> str:
        path, _, anchor = target.partition("#")
        return posixpath.relpath(path, posixpath.dirname(file) or ".") + (f"#{anchor}" if anchor else "")

    def link(found: re.Match[str]) -> str:
        mark, words, target = found.groups()
        if target.startswith("#") and target[1:] in where:
            target = away(where[target[1:]])
        elif mark and (ROOT / target).is_file():
            figures[posixpath.basename(target)] = ROOT / target
            target = away(posixpath.basename(target))
        return f"{mark}[{words}]({target})"

    return "".join((line if code else re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", link, line)) + "\n" for line, code in lines_of(text))


def nav(groups: Mapping[str, list[tuple[str, str, tuple[str, ...]]]]) -> list[Any]:
    """The pages in their order, for MkDocs."""
    found: list[Any] = []
    for group, pages in groups.items():
        entries: list[Any] = [{title: file} for file, title, _ in pages]
        if group == "Methods":
            entries[1:1] = [{title: f"strategies/{name}.md"} for name, title in methods().items()]
        found += entries if not group else [{group: entries}] if entries else []
    return found
