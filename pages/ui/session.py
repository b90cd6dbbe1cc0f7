"""What every page needs first: the workspace, the chosen project, who is there and what they may, and errors in plain words."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import streamlit as st

from alcore.accounts.accounts import Account
from alcore.accounts.asking import OPEN, VISITOR
from alcore.accounts.roles import Role
from alcore.errors import AlcoreError, of_machine
from alcore.project.facade import Project, Workspace, shared
from alcore.strategies import title_of
from alcore.types import Round
from pages.ui.components.remember import remembered
from pages.ui.forms import in_titles

FORM_WIDTH = 1000  # pixels; wider fields read badly on a large screen
PROJECT, ARRIVED, ANNOTATOR, NAMED = "chosen_project", "arrived_project", "annotator", "annotator_named"
NAMELESS = "me"  # who labels where nobody gave a name
COOKIE = "alcore_annotator"
LONGEST_NAME = 80
SAID = 5  # names in a sentence
METHOD = "method"  # in an address: the strategy that a page begins with
VIEW = "view"  # in the Images page's address: what it shows
PAGE, ASKED = "page_drawn", "method_asked"  # of the session: the page, and the strategy that its address was seen to name


def workspace() -> Workspace:
    """The process's workspace (ALCORE_HOME, else ./workspace)."""
    return shared()


# ---- who is there


@dataclass(frozen=True)
class Visitor:
    """Who looks at the page: somebody with an account, or, where nobody is asked for one, anybody."""

    account: Account | None
    role: Role
    standing: str  # what tokens for this page end with: the account and its sessions, this one too


def visitor() -> Visitor | None:
    """Who is there, as the door told and as it is now; None for a stranger and for whoever may not be here any more."""
    accounts, told = workspace().accounts, standing()
    if told in ("", OPEN):  # "" without a door, which is a test's page or one under another server
        return None if accounts.are_asked() else Visitor(None, Role.OWNER, OPEN)
    account = accounts.of(told)
    return Visitor(account, account.role, told) if account else None


def standing() -> str:
    """What the door said of the visitor when the page was opened."""
    told = st.context.headers.get(VISITOR)
    return told if isinstance(told, str) else ""  # Streamlit's own test harness has no headers but mocks


def may(role: Role) -> bool:
    """Whether whoever is there has this role or a higher one."""
    there = visitor()
    return there is not None and there.role >= role


def here() -> Visitor:
    """Who is there; a page of whoever may not be here any more ends with a way to sign in."""
    there = visitor()
    if there is None:
        st.warning("You are not signed in any more.", icon=":material/lock:")
        link("./login", "Sign in")
        st.stop()
    return there


def link(address: str, words: str) -> None:
    """A link to a page that the door answers, in this tab."""
    st.html(f'<a class="door" href="{html.escape(address)}" target="_self">{html.escape(words)}</a>')


def literal(text: str) -> str:
    """The text as Markdown shows it unchanged: what a person typed is no markup."""
    return re.sub(r"([\\`*_\[\]{}<>()#+\-.!|~$:^&])", r"\\\1", text)


# ----


@contextmanager
def plain_errors() -> Iterator[None]:
    """Shows what the user can cure as a message on the page; a bug keeps its traceback."""
    try:
        yield
    except (AlcoreError, OSError) as problem:
        if not told(problem):
            raise


def told(problem: BaseException) -> bool:
    """Shows what the user can cure, a full disk and the like included, and says whether it was that."""
    said = problem if isinstance(problem, AlcoreError) else of_machine(problem)
    if said is not None:
        st.error(in_titles(str(said)), icon=":material/error:")
    return said is not None


def choose_later(name: str) -> None:
    """Makes `name` the project of this session. The project picker is drawn already in this run, so the page runs again."""
    st.session_state[ARRIVED] = name
    st.rerun()


def project() -> Project:
    """The project of this session; without one the page ends here with what to do."""
    names = workspace().projects()
    chosen = st.session_state.get(PROJECT) or st.query_params.get("project")
    if chosen not in names:
        chosen = names[0] if names else None
    if chosen is None:
        if may(Role.OWNER):
            empty("No project yet", "Point at a folder of images, or take the bundled digits, and come back.", "data.py", "Import images")
        else:
            empty("No project yet", "An owner makes the first one.")
        st.stop()
    return workspace().project(chosen)


def turned_to(page: str) -> None:
    """Notes which page is drawn: on another one than before, what its address asks for counts anew."""
    if st.session_state.get(PAGE) != page:
        st.session_state[PAGE] = page
        st.session_state.pop(ASKED, None)


def asked_method(names: Collection[str], key: str) -> bool:
    """Whether the address names one of these strategies. The first run that sees it there chooses it in the widget `key`."""
    asked = st.query_params.get(METHOD, "")
    if asked not in names:
        return False
    if st.session_state.get(ASKED) != asked:
        st.session_state[ASKED] = st.session_state[key] = asked
    return True


def tell_method(name: str) -> None:
    """Puts what was chosen on the page into its address, so that it can be given to somebody."""
    if st.query_params.get(METHOD, "") != name:
        st.query_params[METHOD] = st.session_state[ASKED] = name


def annotator() -> str:
    """Who labels: the account's name, or the one given in the sidebar."""
    return given_name() or NAMELESS


def given_name() -> str:
    """The account's name, or the one given in the sidebar; empty without either."""
    there = visitor()
    if there is not None and there.account is not None:
        return there.account.name
    return str(st.session_state.get(ANNOTATOR) or "").strip()[:LONGEST_NAME]


def recall_annotator() -> None:
    """Fills the sidebar's field before it is drawn: with the name that was just given on a page, or the one this browser kept."""
    if named := st.session_state.pop(NAMED, None):
        st.session_state[ANNOTATOR] = named
    elif ANNOTATOR not in st.session_state:
        st.session_state[ANNOTATOR] = remembered(COOKIE)[:LONGEST_NAME]


def name_later(name: str) -> None:
    """Makes `name` the annotator. The sidebar's field is drawn already in this run, so the page runs again."""
    st.session_state[NAMED] = name
    st.rerun()


def token(of: Project) -> str:
    """What a browser part needs to call the HTTP routes for this project."""
    return sign(of.name)


def sign(project: str) -> str:
    """The same for one named, "" for what belongs to none. It ends when the account of whoever is there does."""
    return workspace().sign(project, annotator(), standing=here().standing)


def header(title: str, text: str) -> None:
    """A page's heading and its one sentence."""
    with st.container(gap=18):  # Streamlit sets the heading's own margin to minus 16
        st.title(title, anchor=False)
        st.caption(text)


def empty(title: str, text: str, page: str | None = None, label: str = "", needs: Role = Role.OWNER) -> None:
    """An empty state that says what to do next; whoever may not do it sees who can."""
    if page and not may(needs):
        page, text = None, f"{text} That takes the role {needs.word}."
    with st.container(border=True, width=FORM_WIDTH, gap="xsmall"):
        st.subheader(title, anchor=False)
        st.write(text)
        if page and st.button(label, type="primary", icon=":material/arrow_forward:"):
            st.switch_page(page)


def plural(count: int, one: str, many: str | None = None) -> str:
    """1 class, 2 classes, 1,200 images."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def several(names: Sequence[str]) -> str:
    """Names in a sentence, of many the first: sky, road, car, tree, sign and 240 more."""
    if len(names) <= SAID + 1:
        return ", ".join(names)
    return f"{', '.join(names[:SAID])} and {len(names) - SAID:,} more"


def open_images(counts: Mapping[str, Any]) -> int:
    """How many images of the pool are neither labeled as a whole nor skipped, from Project.counts()."""
    whole = int(counts["labeled"]) - int(counts["partial"])
    return max(0, int(counts["splits"].get("pool", 0)) - whole - int(counts["skipped"]))


def maker(round_: Round) -> str:
    """What made a round's query, in words for tables and lists."""
    if round_.start:
        starts = {
            "random": "start, at random",
            "kcenter": "start, spread",
            "groups": "start, one of each group",
            "wanted": "chosen by hand",
        }
        return starts.get(round_.start) or f"{round_.params['title']}, taken after a comparison"
    return title_of(round_.strategy, round_.params, round_.train)
