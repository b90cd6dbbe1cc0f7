"""A press counts once, for the button it was meant for, also where a run that was on its way already takes it back."""

from __future__ import annotations

import ast

import pytest
from streamlit.runtime.state.session_state import SessionState
from streamlit.testing.v1 import AppTest

from tests.house import ROOT


def _page() -> None:
    import streamlit as st

    from pages.ui.buttons import forget, pressed, submitted

    heard = st.session_state.setdefault("heard", [])
    if st.session_state.get("broken off"):
        st.session_state["broken off"] = False
        st.stop()
    heard += ["plain"] if st.button("Plain") else []
    heard += ["named"] if st.session_state.get("there", True) and pressed("Start") else []
    heard += ["keyed"] if pressed("Open", key="second") else []
    with st.form("form"):
        heard += ["form"] if submitted("Use these") else []
    forget()


def opened() -> AppTest:
    at = AppTest.from_function(_page).run()
    assert list(at.exception) == []
    return at


def after(at: AppTest, label: str) -> list[str]:
    """What was heard of a press, and in the two runs after it."""
    next(b for b in at.button if b.label == label).click()
    for _ in range(3):
        at.run()
        assert list(at.exception) == []
    return list(at.session_state["heard"])


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each press is taken back as soon as its run begins, as by a run that was on its way already."""
    begins = SessionState.on_script_will_rerun

    def begun(self: SessionState, *args: object, **named: object) -> None:
        begins(self, *args, **named)  # type: ignore[arg-type]
        self._reset_triggers()

    monkeypatch.setattr(SessionState, "on_script_will_rerun", begun)


@pytest.mark.parametrize(("label", "heard"), [("Start", "named"), ("Open", "keyed"), ("Use these", "form"), ("Plain", "plain")])
def test_a_press_counts_once(label, heard):
    assert after(opened(), label) == [heard]


@pytest.mark.parametrize(("label", "heard"), [("Start", ["named"]), ("Open", ["keyed"]), ("Use these", ["form"]), ("Plain", [])])
def test_one_that_another_run_takes_back_counts_all_the_same(overtaken, label, heard):
    assert after(opened(), label) == heard  # Streamlit's own loses it


def test_one_whose_run_is_broken_off_counts_in_the_next():
    at = opened()
    at.session_state["broken off"] = True
    assert after(at, "Start") == ["named"]


def test_one_whose_button_is_gone_when_the_page_is_drawn_does_not_count_when_it_is_back():
    at = opened()
    at.session_state["there"] = False
    assert after(at, "Start") == []
    at.session_state["there"] = True
    at.run()
    assert at.session_state["heard"] == []


def test_no_page_has_a_button_that_only_its_run_hears_of():
    found = []
    for path in sorted((ROOT / "pages").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
            if name in ("button", "form_submit_button") and "on_click" not in {word.arg for word in node.keywords}:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []
