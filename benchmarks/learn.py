"""The playground: frames of a 100 x 100 field a second, made by the server and drawn in Chromium; seconds to learn and to reveal."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.server import browser, folder, served

PLAYED = (("mcdal", "MCDAL", "moons"), ("mcdal", "MCDAL", "blobs"), ("mal", "MAL", "moons"), ("mal", "MAL", "blobs"))
FRAMES = 60
COUNT = """() => new Promise((resolve) => {
  const inside = (root) => [...root.querySelectorAll('*')].map((e) => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
  const find = (root) => root.querySelector('.learn') || inside(root);
  const learn = find(document), seen = [];
  new MutationObserver(() => {
    seen.push(performance.now());
    if (learn.dataset.step === learn.querySelector('input[type=range]').max) resolve((seen.length - 1) / (seen.at(-1) - seen[0]) * 1000);
  }).observe(learn, { attributes: true, attributeFilter: ['data-step'] });
})"""


def run() -> dict[str, Any]:
    import torch

    from alcore.teaching.lessons import Lessons

    torch.set_num_threads(1)
    lessons = Lessons()
    figures: dict[str, Any] = {}
    for strategy, title, kind in PLAYED:
        started = time.perf_counter()
        film = lessons.film({"strategy": strategy, "kind": kind})
        learned = time.perf_counter() - started
        started = time.perf_counter()
        for step in range(FRAMES):
            film.frame(step)
        made = FRAMES / (time.perf_counter() - started)
        figures[f"{title}, {kind}"] = {"learned s": learned, "made a second": made, "bytes a frame": film.frame_bytes}
    started = time.perf_counter()
    lessons.asked({"kind": "moons"})
    figures["five methods asked, s"] = time.perf_counter() - started
    with folder() as home, served(home) as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/learn")
        for _, title, kind in PLAYED:
            page.wait_for_selector(".learn[data-step]", timeout=60_000)
            page.get_by_role("group", name="Points").get_by_role("button", name=kind.capitalize()).click()
            page.get_by_role("group", name="Method").get_by_role("button", name=title, exact=True).click()
            page.locator(".learn .said").get_by_text("training" if title == "MCDAL" else "game").wait_for(timeout=60_000)
            page.get_by_role("button", name="60/s").click()
            page.get_by_role("button", name="To the start").click()
            page.get_by_role("button", name="Play", exact=True).click()
            figures[f"{title}, {kind}"]["drawn a second at 60 asked"] = page.evaluate(COUNT)
    for name, found in figures.items():
        told = ", ".join(f"{what} {value:,.1f}" for what, value in found.items()) if isinstance(found, dict) else f"{found:.1f}"
        print(f"  {name}: {told}")
    return figures
