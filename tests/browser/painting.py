"""What a person does in the mask editor, what its made-up server got, and what it should have got."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.fake_editor_rules import Cell, Place

VOID = 255
SHAPE = (48, 64)


def open_editor(page: Page, server: Server, project: str, item: int = 1, size: int = 1, **asked: str) -> None:
    """Goes to the page with a brush of `size` and waits until the picture of `item` can be painted."""
    page.add_init_script(f"try {{ localStorage.setItem('alcore:editor:settings', '{json.dumps({'size': size})}') }} catch {{}}")
    page.goto(f"{server.url}/?" + "&".join(f"{name}={value}" for name, value in {"project": project, **asked}.items()))
    wait_item(page, item)


def wait_item(page: Page, item: int) -> None:
    page.wait_for_selector(f".editor[data-view=work][data-loading='0'][data-item='{item}']", timeout=30_000)


def places(page: Page, *of: Place) -> list[Place]:
    """Where places of the picture are on the page; (x + 0.5, y + 0.5) is the middle of pixel (x, y)."""
    said, x0, y0 = page.locator("canvas.painting").evaluate(
        "(canvas) => [canvas.closest('.editor').dataset.at, canvas.getBoundingClientRect().x, canvas.getBoundingClientRect().y]"
    )
    scale, left, top = (float(part) for part in said.split(","))
    return [(x0 + left + x * scale, y0 + top + y * scale) for x, y in of]


def at(page: Page, x: float, y: float) -> Place:
    return places(page, (x, y))[0]


def drag(page: Page, *of: Place) -> None:
    """Presses at the first place of the picture, goes by the others and lets go."""
    first, *others = places(page, *of)
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place)
    page.mouse.up()


def click(page: Page, *cells: Cell) -> None:
    """Clicks in the middle of pixels."""
    for place in places(page, *((x + 0.5, y + 0.5) for x, y in cells)):
        page.mouse.click(*place)


def zoom_in(page: Page, steps: int) -> None:
    """Turns the wheel and waits until the picture follows."""
    scale = float((page.locator(".editor").get_attribute("data-at") or "").split(",")[0])
    for _ in range(steps):
        page.mouse.wheel(0, -120)
    expect(page.locator(".tool.level")).to_have_text(f"{100 * scale * np.exp(steps * 100 / 350):.0f} %")


def press(page: Page, *keys: str) -> None:
    """Presses keys; those that answer, once the picture has been on the screen."""
    for key in keys:
        if key in ("Enter", "n", "x"):
            page.wait_for_selector(".labeler:is([data-live='1'], :not([data-view=work]))")
        page.keyboard.press(key)


def wait_saved(page: Page) -> None:
    expect(page.locator(".save")).to_have_text("all saved", timeout=20_000)


def events(server: Server, project: str) -> list[tuple[int, str]]:
    """The stored events as (item, kind), in the order they were stored."""
    return [(item, kind) for item, kind, *_ in server.get(f"/rows/{project}")]


def masks(server: Server, project: str, shape: tuple[int, int] = SHAPE) -> list[np.ndarray]:
    """The stored masks, in the order they were stored."""
    packed = [mask for _, _, mask, *_ in server.get(f"/rows/{project}") if mask]
    return [np.frombuffer(zlib.decompress(base64.b64decode(mask)), np.uint8).reshape(shape) for mask in packed]


def save(page: Page, server: Server, project: str, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Saves and gives the mask the server got."""
    press(page, "Enter")
    wait_saved(page)
    return masks(server, project, shape)[-1]


def void(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return np.full(shape, VOID, np.uint8)


def current_mask() -> np.ndarray:
    """What items of a `current` project have: a frame with a hole, lines of one pixel, the rest void."""
    mask = void()
    mask[4:40, 6:32] = 1
    mask[10:28, 12:24] = VOID
    mask[2, :] = 2
    mask[:, 61] = 0
    return mask


def draft_mask(item: int = 1) -> np.ndarray:
    """What the fake model says of an item of 64x48 and 4 classes."""
    y, x = np.mgrid[0:48, 0:64]
    bands = (x * 3 // 64 + item) % 4
    bands[np.hypot(x - 32, y - 24) < 9.6] = (item + 3) % 4
    return bands.astype(np.uint8)


def superpixels(n: int) -> np.ndarray:
    """The label map the fake server gives for 64x48."""
    side = int(np.sqrt(48 * 64 / n))
    y, x = np.mgrid[0:48, 0:64]
    return y // side * 1000 + (x + y % side // 2) // side


def same(got: np.ndarray, wanted: np.ndarray) -> None:
    assert np.array_equal(got, wanted), (
        f"{int((got != wanted).sum())} pixels differ, first at {np.argwhere(got != wanted)[:3].tolist()} (y, x)"
    )


def kept_in_browser(page: Page, project: str) -> dict[str, int]:
    """How many records of a project the browser's store has."""
    return page.evaluate(
        """(project) => new Promise((resolve) => {
          const asked = indexedDB.open("alcore-masks");
          asked.onsuccess = () => {
            const db = asked.result, found = {};
            const stores = db.transaction(["events", "strokes"]);
            for (const name of ["events", "strokes"]) {
              stores.objectStore(name).getAll().onsuccess = (e) => (found[name] = e.target.result.filter(({ where }) => JSON.parse(where)[1] === project).length);
            }
            stores.oncomplete = () => (db.close(), resolve(found));
          };
        })""",
        project,
    )


def wait_kept(page: Page) -> None:
    """What was painted is in the browser's store, whatever happens to the page."""
    page.wait_for_selector(".editor[data-keeping='0']")


def measures(page: Page, name: str) -> list[float]:
    return page.evaluate(f"performance.getEntriesByName('{name}').map(entry => entry.duration)")
