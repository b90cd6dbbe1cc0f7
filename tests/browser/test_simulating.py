"""A simulation from the page in real Chromium: started, its curves seen, its CSV saved and compared with the command line's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import expect

from alcore.cli.main import main
from alcore.importing.samples import bundled_digits
from alcore.project.facade import Workspace
from tests.browser.real_app import PATIENCE, App, PageFactory, fill, open_page, press, unfold
from tests.simulation.toys import but_times

pytestmark = pytest.mark.browser

LONG = 3 * PATIENCE  # sixteen rounds of a few steps, beside other work
CURVES = """() => Object.fromEntries(document.querySelector('.js-plotly-plot').calcdata
  .filter((line) => line[0].trace.mode === 'lines+markers').map((line) => [line[0].trace.name, line.map((point) => point.x)]))"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    Workspace(tmp_path / "home").token  # noqa: B018  makes its file, which App reads
    served = App(tmp_path / "home")
    served.start()
    yield served
    served.kill()


def rows(path: Path) -> pd.DataFrame:
    """results.csv but for the seconds, which no two runs share."""
    return but_times(pd.read_csv(path, dtype=str))


def test_four_strategies_from_the_page_and_the_same_from_the_command_line(page_factory: PageFactory, app: App, tmp_path: Path) -> None:
    page = open_page(page_factory(), app, "simulate")
    unfold(page.locator("[data-testid=stExpander] summary").filter(has=page.get_by_text("Training: parameters", exact=True)))
    tiny = {"Steps": 4, "Images a step": 16, "Start labels": 20, "Query size": 10, "Rounds": 2, "Seeds": 2}
    for name, value in tiny.items():
        fill(page.get_by_role("spinbutton", name=name, exact=True), str(value))
    expect(page.get_by_text("16 rounds; how long they take is known once some were measured")).to_be_visible(timeout=PATIENCE * 1000)
    press(page, "Start")
    expect(page.get_by_text("Simulation digits")).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.get_by_text("16 of 16 rounds done", exact=False).first).to_be_visible(timeout=LONG * 1000)
    expect(page.get_by_text("finished", exact=True).first).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE * 1000)
    assert page.evaluate(CURVES) == {name: [20, 30] for name in ("Random", "MAL", "MCDAL", "Margin")}
    expect(page.get_by_text("with 2 seeds").first).to_be_visible()
    assert page.get_by_role("img", name="10 images that MCDAL asked for after round 1").count() == 1

    with page.expect_download() as saving:
        press(page, "Results as CSV")
    saving.value.save_as(tmp_path / "saved.csv")
    out = app.home / "simulations" / "digits"
    assert (tmp_path / "saved.csv").read_bytes() == (out / "results.csv").read_bytes()
    asked = "--strategies random,mal,mcdal,margin --init 20 --query-size 10 --rounds 2 --seeds 0,1 --set steps=4 --set batch_size=16"
    shown = page.locator("[data-testid=stCode] code").inner_text()
    assert " ".join(shown.split()) == f"python -m alcore simulate {bundled_digits()} {asked} --out {out}"
    assert main(["simulate", str(bundled_digits()), *asked.split(), "--out", str(tmp_path / "line")]) == 0
    pd.testing.assert_frame_equal(rows(tmp_path / "saved.csv"), rows(tmp_path / "line" / "results.csv"))
    assert main(["simulate", str(bundled_digits()), *asked.split(), "--out", str(out)]) == 0  # nothing is missing: the very bytes
    assert (tmp_path / "saved.csv").read_bytes() == (out / "results.csv").read_bytes()
