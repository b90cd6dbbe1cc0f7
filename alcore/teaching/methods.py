"""A method's page as data, made from its class: idea, equations, scores, figures, when to use it, differences.

Who shows it draws the parts: the Methods page, the site, a notebook. Nothing of it is written twice.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass

from alcore.errors import NotFound
from alcore.params import title_of, words_for
from alcore.strategies import STRATEGIES
from alcore.strategies.base import ScoreInfo, Strategy, information, share
from alcore.teaching import evidence
from alcore.teaching.lessons import ASKING
from alcore.teaching.switches import SWITCHES, in_words, measured

UNMEASURED = (
    "No figures of it on photos are here. `python -m alcore simulate` measures it on your own data, beside random and any other method."
)
CARE = (
    "Accuracy is in %. The gain is the mean over the whole curve, in points, with its 95 % interval over seeds alone; intervals that "
    "overlap tell nothing apart. The README, below “Which strategy needs the fewest labels there”, says how it was measured."
)


@dataclass(frozen=True)
class Text:
    """A paragraph, in Markdown."""

    words: str


@dataclass(frozen=True)
class Formula:
    """An equation in LaTeX, and the sentence that says what it is."""

    latex: str
    words: str


@dataclass(frozen=True)
class Table:
    """Rows of cells in Markdown, below their headings."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Part = Text | Formula | Table


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Attributes:
        folded: True for what only some want to see.
    """

    title: str
    parts: tuple[Part, ...]
    folded: bool = False


@dataclass(frozen=True)
class Method:
    """A method's page.

    Attributes:
        name, title, paper: as its class has them.
        link: to the paper; "" where it names no arXiv number.
        tasks: what it can be used for, in words.
        playable: whether the Learn page plays it.
        sections: in the order in which they are read.
    """

    name: str
    title: str
    paper: str
    link: str
    tasks: str
    playable: bool
    sections: tuple[Section, ...]

    def markdown(self, formula: Callable[[str], str] = "$${}$$".format, level: int = 2) -> str:
        """The whole page below its title.

        Args:
            formula: what an equation's LaTeX is written as; by default what notebooks draw.
            level: of the sections' headings.
        """
        paper = f"[{self.paper}]({self.link})" if self.link else self.paper
        lines = [f"`{self.name}`, {self.tasks}. {paper}.", ""]
        for section in self.sections:
            lines += [f"{'#' * level} {section.title}", ""]
            for part in section.parts:
                lines += [*_lines(part, formula), ""]
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        """What a notebook shows of it."""
        return f"# {self.title}\n\n{self.markdown()}"


def method(name: str) -> Method:
    """The page of a strategy, of one's own too: what its class does not say is left out.

    Raises:
        NotFound: there is none of that name.
    """
    if name not in STRATEGIES:
        raise NotFound(f"there is no method {name[:40]!r}: use one of {', '.join(STRATEGIES)}")
    kind = STRATEGIES[name]
    number = re.search(r"arXiv (\d{4}\.\d{5})", kind.paper)
    sections = (
        Section("Idea", (Text(kind.idea or from_docstring(kind)),)),
        Section("Equations", tuple(Formula(latex, words) for latex, words in kind.equations)),
        Section("What its scores mean", (_scores(kind),)),
        Section("When to use it", _paragraphs(kind.use)),
        Section("When not", _paragraphs(kind.avoid)),
        Section("What was measured", _figures(name)),
        Section("What it costs", _paragraphs(kind.cost)),
        Section("How it differs from the paper", _paragraphs("\n".join(f"- {each}" for each in kind.differences))),
        Section("Parameters", _parameters(kind), folded=True),
    )
    return Method(
        name,
        kind.title,
        kind.paper,
        f"https://arxiv.org/abs/{number[1]}" if number else "",
        " and ".join({"classification": "classes of images", "segmentation": "classes of pixels"}.get(task, task) for task in kind.tasks),
        name in ASKING,
        tuple(section for section in sections if section.parts),
    )


def methods() -> dict[str, str]:
    """Name -> title of every method there is, in the order of lists."""
    return {name: kind.title for name, kind in STRATEGIES.items()}


def from_docstring(kind: type[Strategy]) -> str:
    """The idea of one whose class says no more than its docstring: the last paragraph of that."""
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[-1].split())


# ---- the parts


def _lines(part: Part, formula: Callable[[str], str]) -> list[str]:
    if isinstance(part, Text):
        return [part.words]
    if isinstance(part, Formula):
        return [formula(part.latex), "", part.words]
    heads = [f"| {' | '.join(part.heads)} |", "|---" * len(part.heads) + "|"]
    return [*heads, *("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in part.rows)]


def _paragraphs(words: str) -> tuple[Part, ...]:
    return (Text(words),) if words else ()


def _scores(kind: type[Strategy]) -> Table:
    rows = [
        (f"**{about.title}** `{about.name}`", about.help, _range(about), about.wanted)
        for about in kind.score_columns().values()
        if about.help
    ]
    return Table(("Score", "What it says", "Range", "Asked for"), tuple(rows))


def _range(about: ScoreInfo) -> str:
    if about.span is share:
        return "0 to 1"
    if about.span is information:
        return "0 to ln K nats"
    return about.unit or "no fixed ends"


def _figures(name: str) -> tuple[Part, ...]:
    found = evidence.of(name)
    parts: list[Part] = [] if found else [Text(UNMEASURED)]
    for photos, title in evidence.TITLES.items():
        if rows := [each for each in found if each.photos == photos]:
            parts += [Text(f"{title}, on pretrained features:"), Table(rows[0].heads(), tuple(each.cells() for each in rows))]
    if found:
        parts.append(Text(CARE))
    effects = measured()
    told = [(s.title, in_words([e for e in effects if (e.strategy, e.switch) == (name, s.name)])) for s in SWITCHES if s.strategy == name]
    if changes := tuple((title, words) for title, words in told if words):
        parts += [
            Text("On points in a plane, each change of it beside the method as the Learn page plays it:"),
            Table(("Change", "What it did"), changes),
        ]
    return tuple(parts)


def _parameters(kind: type[Strategy]) -> tuple[Part, ...]:
    fields = dataclasses.fields(kind.Params)
    if not fields:
        return ()
    rows = [
        (f"**{title_of(f)}** `{f.name}`", words_for(f, f.default), f"{f.metadata['help']} Source: {f.metadata['source']}.") for f in fields
    ]
    return (Table(("Parameter", "Usual", "What it does, and where its value comes from"), tuple(rows)),)
