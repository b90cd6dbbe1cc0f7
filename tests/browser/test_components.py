"""The labeler and the map in real Chromium, against the made-up server of fake_app.py.

Longer than 400 lines: one browser and one server for both components.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import numpy as np
import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import WATCH, PageFactory, Server
from tests.house import ROOT

pytestmark = pytest.mark.browser

T_SHIRT, TROUSERS, PULLOVER = "T-shirt", "trousers", "pullover"
CLASSES = (T_SHIRT, TROUSERS, PULLOVER)


def open_labeler(page: Page, server: Server, project: str, **asked: str) -> None:
    """Goes to the page and waits until the first image is there."""
    query = "&".join(f"{name}={value}" for name, value in {"project": project, **asked}.items())
    page.goto(f"{server.url}/?{query}")
    page.wait_for_selector(".labeler[data-view=work]", timeout=30_000)
    if asked.get("mode") == "grid":
        page.wait_for_function("performance.getEntriesByName('alcore:grid').length > 0")  # the pictures of the first page are there
    else:
        page.wait_for_selector(".labeler[data-loading='0'] .stage img[src]")


def wait_pictures(page: Page, count: int) -> None:
    """Waits until `count` pictures can be shown at once: after that no key can be faster than its picture."""
    page.wait_for_selector(f".labeler[data-ready='{count}']")


def press(page: Page, *keys: str) -> None:
    """Presses each key once the picture it is for is shown, as a person would: the labeler takes no label for what nobody has seen."""
    for key in keys:
        page.wait_for_selector(".labeler:is([data-live='1'], :not([data-view=work]))")
        page.keyboard.press(key)


def wait_saved(page: Page) -> None:
    expect(page.locator(".save")).to_have_text("all saved", timeout=20_000)


def effective(rows: Sequence[tuple[int, str, str | None]]) -> dict[int, tuple[str, str | None]]:
    """What the events leave standing: item -> its last (kind, value) that was not undone."""
    stacks: dict[int, list[tuple[str, str | None]]] = {}
    for item, kind, value in rows:
        if kind == "undo":
            stacks[item].pop()
        else:
            stacks.setdefault(item, []).append((kind, value))
    return {item: stack[-1] for item, stack in stacks.items() if stack}


def measures(page: Page, name: str) -> list[float]:
    return page.evaluate(f"performance.getEntriesByName('{name}').map(entry => entry.duration)")


# ---- words


def test_a_rank_is_told_as_how_much_the_image_is_wanted(page_factory: PageFactory, fake: Server) -> None:
    """1 is asked for first, whether a high or a low value is wanted: "higher than 1 %" would be false of a margin."""
    page = page_factory()
    source = (ROOT / "alcore" / "browser" / "shared" / "numbers.js").read_text(encoding="utf-8").replace("export ", "")
    ranks = [(1, 2347), (2, 2347), (12, 1387), (700, 1400), (2324, 2347), (2346, 2347), (2347, 2347), (1, 1)]
    assert page.evaluate(f"(ranks) => {{ {source}; return ranks.map(([rank, of]) => wantedness(rank, of)); }}", ranks) == [
        "the most wanted of the pool",
        "more wanted than 99.9 % of the pool",
        "more wanted than 99.1 % of the pool",
        "more wanted than 50 % of the pool",
        "more wanted than 1 % of the pool",
        "more wanted than hardly any other",
        "the least wanted of the pool",
        "the only one",
    ]
    open_labeler(page, fake, "c3-n60-wanted")
    shown = page.locator(".scores li", has_text="labeledness")
    expect(shown).to_have_attribute("title", "labeledness 0.04 (from 0 to 1), rank 12 of 1,387: more wanted than 99.1 % of the pool")


# ---- labels


def test_sixty_keys_at_ten_a_second_give_sixty_rows_in_order(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n60-cadence")
    wait_pictures(page, 60)
    keys = random.Random(0).choices("123", k=60)
    page.keyboard.type("".join(keys), delay=100)
    wait_saved(page)
    assert fake.rows("c3-n60-cadence") == [(i + 1, "label", CLASSES[int(key) - 1]) for i, key in enumerate(keys)]
    assert len(measures(page, "alcore:paint")) == 59  # the last key shows the done panel, not an image
    assert len(measures(page, "alcore:ack")) == 60


def test_a_burst_of_two_hundred_keys_labels_what_was_on_the_screen_and_nothing_else(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    page.add_init_script(WATCH)
    open_labeler(page, fake, "c3-n260-burst")
    wait_pictures(page, 200)
    page.wait_for_selector(".labeler[data-live='1']")
    page.keyboard.type("".join(random.Random(1).choices("123", k=200)))
    page.wait_for_function("pressed.length === 200")
    wait_saved(page)
    pressed = page.evaluate("pressed")
    stood = [(int(name.split(".")[0]), "label", CLASSES[int(key) - 1]) for key, _, _, name in pressed]
    stored = fake.rows("c3-n260-burst")
    assert [item for item, _, _ in stored] == list(range(1, len(stored) + 1))
    assert set(stored) <= set(stood)  # each is what was pressed while that picture stood there
    live = [row for row, (_, live, _, _) in zip(stood, pressed, strict=True) if live]
    assert set(live) <= set(stored)
    assert len(stored) < 200


def test_a_double_press_is_one_label(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n50-double")
    wait_pictures(page, 50)
    page.wait_for_selector(".labeler[data-live='1']")
    page.evaluate("""() => {
        const press = () => window.dispatchEvent(new KeyboardEvent("keydown", {key: "1", code: "Digit1", bubbles: true, cancelable: true}));
        press();
        press();
    }""")
    expect(page.locator(".notice")).to_contain_text("Too quick")
    press(page, "2")
    wait_saved(page)
    assert fake.rows("c3-n50-double") == [(1, "label", T_SHIRT), (2, "label", TROUSERS)]


def test_the_next_image_shows_before_the_server_answers(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n50-optimistic")
    wait_pictures(page, 50)
    fake.control(delay=4)
    page.keyboard.press("1")
    expect(page.locator(".caption .path")).to_contain_text("0002.png", timeout=3500)  # the answer takes four seconds
    assert fake.rows("c3-n50-optimistic") == []
    wait_saved(page)
    assert fake.rows("c3-n50-optimistic") == [(1, "label", T_SHIRT)]


def test_undo_skip_and_flag_are_events_and_the_line_counts_them(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n50-undo")
    press(page, "1", "s", "f", "2", "z", "3", "Control+z", "z")
    wait_saved(page)
    rows = [(1, "label", T_SHIRT), (2, "skip", None), (3, "flag", None), (4, "label", TROUSERS), (4, "undo", None)]
    assert fake.rows("c3-n50-undo") == [*rows, (4, "label", PULLOVER), (4, "undo", None), (3, "undo", None)]
    expect(page.locator(".count")).to_have_text("1 of 50 labeled · 1 skipped")
    expect(page.locator(".caption .path")).to_contain_text("0003.png")


def test_going_back_labels_an_earlier_image_anew(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n50-relabel")
    press(page, "1", "1", "1", "ArrowLeft", "ArrowLeft")
    expect(page.locator(".caption .given")).to_have_text(f"✓ {T_SHIRT}")
    press(page, "3")
    expect(page.locator(".caption .path")).to_contain_text("0004.png")  # back to the first one that is still open
    press(page, "2")
    wait_saved(page)
    assert fake.rows("c3-n50-relabel")[3:] == [(2, "label", PULLOVER), (4, "label", TROUSERS)]


def test_enter_accepts_the_draft_and_says_so_when_there_is_none(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n50-draft")
    draft = page.locator(".class[data-draft]").get_attribute("data-value")
    press(page, "Enter")
    wait_saved(page)
    assert fake.rows("c3-n50-draft") == [(1, "label", draft)]
    open_labeler(page, fake, "c3-n50-cold")
    press(page, "Enter")
    expect(page.locator(".notice")).to_contain_text("no draft")
    assert fake.rows("c3-n50-cold") == []


def test_classes_after_the_tenth_have_letters_that_leave_z_s_f_alone(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c15-n50-letters")
    keys = page.locator(".class kbd").all_text_contents()
    assert keys == [*"1234567890abcde"]
    names = [name.strip() for name in page.locator(".class .name").all_text_contents()]
    press(page, *"0ace")
    wait_saved(page)
    assert fake.rows("c15-n50-letters") == [(i + 1, "label", names[place]) for i, place in enumerate((9, 10, 12, 14))]
    # C and R are Streamlit's own shortcuts (clear the cache, rerun)
    press(page, "r")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("runs: 1")).to_be_visible()


def test_classes_named_by_digits_keep_their_own_keys(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "digits-c10-n50-s8")
    press(page, *"70")
    wait_saved(page)
    assert fake.rows("digits-c10-n50-s8") == [(1, "label", "7"), (2, "label", "0")]


def test_a_class_among_two_hundred_is_found_by_typing(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c200-n50-find")
    page.keyboard.press("/")
    page.keyboard.type("anemone 90")
    expect(page.locator(".class:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".class:visible")).to_have_count(200)
    press(page, "1")
    wait_saved(page)
    first = page.locator(".class").first.get_attribute("data-value")
    assert fake.rows("c200-n50-find") == [(1, "label", "sea anemone 90"), (2, "label", first)]


def test_a_class_is_found_whatever_separates_its_words(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c120-n50-under")  # sea_anemone_90
    page.keyboard.press("/")
    page.keyboard.type("Séa anemone 90")
    expect(page.locator(".class[data-best]")).to_have_attribute("data-value", "sea_anemone_90")
    page.keyboard.press("Control+a")
    page.keyboard.type("sea lion")
    expect(page.locator(".unknown")).to_have_text("No class has “sea lion” in its name. Esc shows all.")
    page.keyboard.press("Enter")  # nothing is given
    page.keyboard.press("Escape")
    expect(page.locator(".unknown")).to_be_hidden()
    press(page, "/")
    page.keyboard.type("anemone-90")
    page.keyboard.press("Enter")
    wait_saved(page)
    assert fake.rows("c120-n50-under") == [(1, "label", "sea_anemone_90")]


# What keyboards send: (key, code) of layouts whose letters are not Latin, and of a number pad that moves.
CYRILLIC = {"s": ("ы", "KeyS"), "f": ("а", "KeyF"), "z": ("я", "KeyZ")}
GREEK = {"s": ("σ", "KeyS"), "f": ("φ", "KeyF"), "z": ("ζ", "KeyZ")}
HEBREW = {"s": ("ד", "KeyS"), "f": ("כ", "KeyF"), "z": ("ז", "KeyZ")}
SEND = "([key, code, ctrlKey]) => window.dispatchEvent(new KeyboardEvent('keydown', {key, code, ctrlKey, bubbles: true, cancelable: true}))"


def send(page: Page, key: str, code: str, ctrl: bool = False) -> None:
    page.wait_for_selector(".labeler[data-live='1']")
    page.evaluate(SEND, [key, code, ctrl])


@pytest.mark.parametrize(("layout", "keys"), [("cyrillic", CYRILLIC), ("greek", GREEK), ("hebrew", HEBREW)])
def test_letters_of_other_scripts_go_by_their_place(
    page_factory: PageFactory, fake: Server, layout: str, keys: dict[str, tuple[str, str]]
) -> None:
    page, project = page_factory(), f"c3-n50-{layout}"
    open_labeler(page, fake, project)
    for name in ("s", "f", "z"):
        send(page, *keys[name])
    send(page, *keys["z"], ctrl=True)
    wait_saved(page)
    assert fake.rows(project) == [(1, "skip", None), (2, "flag", None), (2, "undo", None), (1, "undo", None)]


def test_a_number_pad_that_moves_labels_nothing(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c10-n50-pad")
    send(page, "ArrowRight", "Numpad6")
    expect(page.locator(".caption .path")).to_contain_text("0002.png")
    send(page, "ArrowLeft", "Numpad4")
    expect(page.locator(".caption .path")).to_contain_text("0001.png")
    for key, code in (("Clear", "Numpad5"), ("Home", "Numpad7"), ("End", "Numpad1"), ("Delete", "NumpadDecimal")):
        send(page, key, code)
    send(page, "4", "Numpad4")  # NumLock is on again
    send(page, "é", "Digit2")  # a French keyboard's 2
    wait_saved(page)
    assert fake.rows("c10-n50-pad") == [(1, "label", "dress"), (2, "label", TROUSERS)]


def test_typing_into_a_field_of_the_page_labels_nothing(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n50-typing")
    page.get_by_label("note").fill("")
    page.get_by_label("note").type("123 s z f")
    page.locator(".stage").click()
    assert page.evaluate("document.activeElement === document.body")  # the page around has no frame after the next key
    page.keyboard.press("2")
    wait_saved(page)
    assert fake.rows("c3-n50-typing") == [(1, "label", TROUSERS)]
    assert page.get_by_label("note").input_value() == "123 s z f"


def test_a_held_key_is_one_label(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n50-held")
    for _ in range(5):
        page.keyboard.down("1")  # Playwright marks every further one as a repeat
    page.keyboard.up("1")
    press(page, "2")
    wait_saved(page)
    assert fake.rows("c3-n50-held") == [(1, "label", T_SHIRT), (2, "label", TROUSERS)]


def test_a_rerun_of_the_page_keeps_the_place_and_the_keys(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n50-rerun")
    press(page, *"12")
    page.get_by_role("button", name="again").click()
    expect(page.get_by_text("runs: 2")).to_be_visible()
    press(page, "3")
    wait_saved(page)
    assert fake.rows("c3-n50-rerun") == [(1, "label", T_SHIRT), (2, "label", TROUSERS), (3, "label", PULLOVER)]


def test_the_last_label_tells_python_once(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n4-finish")
    fake.control(reject=[4])
    press(page, *"12s3")
    expect(page.locator(".reason")).to_have_text("Not saved: item 4 is locked")  # not done yet: the last one is back
    fake.control(reject=[])
    press(page, "3")
    expect(page.locator(".blank h3")).to_have_text("All 4 of this query are done.")
    expect(page.get_by_text("finished: {'round': 2, 'total': 4, 'labeled': 3, 'skipped': 1, 'flagged': 0}")).to_be_visible()
    expect(page.get_by_text("runs: 2")).to_be_visible()  # one rerun for the whole query
    press(page, "z")
    press(page, "2")
    wait_saved(page)
    assert effective(fake.rows("c3-n4-finish"))[4] == ("label", TROUSERS)


def test_an_empty_project_shows_the_pages_own_words(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    page.goto(f"{fake.url}/?project=c3-n0-empty")
    expect(page.locator(".blank h3")).to_have_text("Nothing to label yet. Train first.", timeout=30_000)


def test_an_image_that_is_gone_says_so_and_can_be_skipped(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n50-broken")
    press(page, *"1" * 12)
    expect(page.locator(".stage .broken")).to_contain_text("the file is gone")
    press(page, "s")
    wait_saved(page)
    assert fake.rows("c3-n50-broken")[12] == (13, "skip", None)


# ---- what goes wrong on the way


def test_labels_made_while_the_server_fails_are_kept_and_sent_later(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n60-down")
    wait_pictures(page, 60)
    fake.control(down=503)
    press(page, *"1231231")
    expect(page.locator(".notice")).to_have_text("Server not reachable. 7 labels are kept in this browser, trying again.")
    expect(page.locator(".save")).to_have_text("7 unsaved")
    assert fake.rows("c3-n60-down") == []
    fake.control(down=None)
    wait_saved(page)
    expect(page.locator(".notice")).to_be_hidden()
    assert fake.rows("c3-n60-down") == [(i + 1, "label", CLASSES[i % 3]) for i in range(7)]


def test_a_lost_answer_stores_nothing_twice(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n60-lost")
    fake.control(lose_answer=True)
    press(page, *"123")
    expect(page.locator(".notice")).to_contain_text("3 labels are kept")
    fake.control(lose_answer=False)
    wait_saved(page)
    assert fake.rows("c3-n60-lost") == [(1, "label", T_SHIRT), (2, "label", TROUSERS), (3, "label", PULLOVER)]


def test_a_reload_in_the_middle_sends_what_was_not_acknowledged(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n60-reload")
    wait_pictures(page, 60)  # no more of them come while the server is down
    press(page, *"11")
    wait_saved(page)
    fake.control(down=503)
    press(page, *"22z3")
    expect(page.locator(".save")).to_have_text("4 unsaved")
    page.reload()
    expect(page.locator(".notice")).to_contain_text("4 labels are kept", timeout=30_000)
    fake.control(down=None)
    page.wait_for_selector(".labeler[data-view=work]")
    press(page, "1")
    wait_saved(page)
    rows = [
        (1, "label", T_SHIRT),
        (2, "label", T_SHIRT),
        (3, "label", TROUSERS),
        (4, "label", TROUSERS),
        (4, "undo", None),
        (4, "label", PULLOVER),
    ]
    assert fake.rows("c3-n60-reload") == [*rows, (5, "label", T_SHIRT)]
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('alcore:')).length") == 0


def test_labels_of_another_annotator_are_not_sent_under_this_name(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n60-names", annotator="anna")
    fake.control(down=503)
    page.keyboard.press("1")
    expect(page.locator(".save")).to_have_text("1 unsaved")
    expect(page.locator(".notice")).to_contain_text("1 label is kept")
    page.goto("about:blank")
    fake.control(down=None)
    open_labeler(page, fake, "c3-n60-names", annotator="ben")
    expect(page.locator(".notice")).to_contain_text("another annotator")
    assert fake.rows("c3-n60-names") == []
    open_labeler(page, fake, "c3-n60-names", annotator="anna")
    wait_saved(page)
    assert fake.rows("c3-n60-names") == [(1, "label", T_SHIRT)]


def test_sigkill_in_the_middle_loses_nothing_and_doubles_nothing(page_factory: PageFactory, mortal_fake: Server) -> None:
    page = page_factory()
    open_labeler(page, mortal_fake, "c3-n90-kill")
    wait_pictures(page, 90)
    keys = random.Random(2).choices("123", k=40)
    press(page, *keys[:20])
    mortal_fake.kill()
    press(page, *keys[20:])
    expect(page.locator(".notice")).to_contain_text("Server not reachable")
    mortal_fake.start()
    wait_saved(page)
    assert mortal_fake.rows("c3-n90-kill") == [(i + 1, "label", CLASSES[int(key) - 1]) for i, key in enumerate(keys)]


def test_an_expired_session_keeps_the_labels_until_there_is_a_new_token(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n60-expired")
    wait_pictures(page, 60)
    fake.control(down=401)
    press(page, "1", "2")
    expect(page.locator(".notice")).to_have_text("Session expired: reload the page. 2 labels are kept in this browser.")
    fake.control(down=None)
    page.reload()
    page.wait_for_selector(".labeler[data-view=work]", timeout=30_000)
    wait_saved(page)
    assert fake.rows("c3-n60-expired") == [(1, "label", T_SHIRT), (2, "label", TROUSERS)]


def test_a_rejected_event_brings_its_item_back_with_the_reason(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n50-reject")
    fake.control(reject=[2])
    press(page, *"11")
    expect(page.locator(".notice")).to_contain_text("0002.png was not saved: item 2 is locked")  # the next key would clear it
    fake.control(reject=[])
    wait_saved(page)
    expect(page.locator(".count")).to_have_text("1 of 50 labeled")
    press(page, "2")  # the one on the stage, then the one that came back
    expect(page.locator(".reason")).to_have_text("Not saved: item 2 is locked")
    press(page, "3")
    wait_saved(page)
    assert fake.rows("c3-n50-reject") == [(1, "label", T_SHIRT), (3, "label", TROUSERS), (2, "label", PULLOVER)]


def test_without_local_storage_labels_still_arrive_and_leaving_is_warned_of(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    page.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }")
    open_labeler(page, fake, "c3-n50-storage")
    wait_pictures(page, 50)
    fake.control(down=503)
    press(page, *"123")
    expect(page.locator(".notice")).to_contain_text("3 labels are kept in this page only: do not close it")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    fake.control(down=None)
    wait_saved(page)
    assert asked == ["beforeunload"]
    assert len(fake.rows("c3-n50-storage")) == 3


# ---- grid


def test_a_range_of_the_grid_takes_one_key(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n120-grid", mode="grid")
    tiles = page.locator(".cells .tile")
    expect(tiles).to_have_count(48)
    tiles.nth(2).click()
    tiles.nth(5).click(modifiers=["Shift"])
    page.keyboard.press("2")
    tiles.nth(7).click()
    tiles.nth(9).click(modifiers=["Control"])
    page.keyboard.press("s")
    wait_saved(page)
    labels = [(item, "label", TROUSERS) for item in (3, 4, 5, 6)]
    assert fake.rows("c3-n120-grid") == [*labels, (8, "skip", None), (10, "skip", None)]
    expect(tiles.nth(3).locator(".badge")).to_have_text(TROUSERS)
    page.keyboard.press("z")
    page.keyboard.press("z")
    wait_saved(page)
    assert effective(fake.rows("c3-n120-grid")) == {}


def test_a_full_grid_page_turns_by_itself_and_enter_takes_the_drafts(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n60-turn", mode="grid")
    drafts = page.locator(".cells .draft").all_text_contents()
    page.get_by_role("button", name="Select all open").click()
    page.keyboard.press("Enter")
    expect(page.locator(".cells .tile")).to_have_count(12)
    wait_saved(page)
    assert fake.rows("c3-n60-turn") == [(i + 1, "label", draft) for i, draft in enumerate(drafts)]
    page.mouse.move(5, 5)
    wait_pictures(page, 60)
    page.keyboard.type("1" * 12)
    expect(page.locator(".blank h3")).to_have_text("All 60 of this query are labeled.")
    expect(page.get_by_text("finished: {'round': 2, 'total': 60, 'labeled': 60")).to_be_visible()


def test_the_grid_works_from_the_keyboard_alone(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_labeler(page, fake, "c3-n120-arrows", mode="grid")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("1")
    page.keyboard.press("2")
    wait_saved(page)
    assert fake.rows("c3-n120-arrows") == [(2, "label", T_SHIRT), (3, "label", T_SHIRT), (4, "label", TROUSERS)]


# ---- map


def open_map(page: Page, server: Server, project: str, **asked: str) -> None:
    query = "".join(f"&{name}={value}" for name, value in asked.items())
    page.goto(f"{server.url}/?view=map&project={project}{query}")
    page.wait_for_selector(".map[data-at] .legend b", timeout=30_000)


def inside(x: float, y: float, polygon: Sequence[tuple[float, float]]) -> bool:
    """Even-odd rule, one point at a time."""
    crossings = 0
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            crossings += 1
    return crossings % 2 == 1


@pytest.mark.parametrize("renderer", ["canvas", "webgl"])
def test_a_lasso_selects_exactly_the_points_inside(page_factory: PageFactory, fake: Server, renderer: str) -> None:
    page = page_factory()
    open_map(page, fake, "c3-n400-grid", renderer=renderer)
    assert page.locator(".map").get_attribute("data-renderer") == renderer
    box = page.locator(".plot").bounding_box()
    assert box is not None
    scale, cx, cy = (float(part) for part in (page.locator(".map").get_attribute("data-at") or "").split())
    border = 1  # of .plot; the canvases lie inside it
    middle = (box["x"] + border + (box["width"] - 2 * border) / 2, box["y"] + border + (box["height"] - 2 * border) / 2)
    corners = [(3.2, 3.1), (13.9, 3.8), (10.4, 10.4), (13.3, 15.9), (3.5, 10.9)]  # with a dent; no point is nearer than 0.12 to an edge
    screen = [(middle[0] + (x - cx) * scale, middle[1] - (y - cy) * scale) for x, y in corners]
    page.keyboard.down("Shift")
    page.mouse.move(*screen[0])
    page.mouse.down()
    for point in [*screen[1:], screen[0]]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()
    page.keyboard.up("Shift")
    expected = {i + 1 for i in range(400) if inside(i % 20, i // 20, corners)}
    expect(page.locator(".head b")).to_have_text(f"{len(expected)} selected")
    told = page.get_by_text(f"count={len(expected)},")
    expect(told).to_be_visible()
    text = told.text_content() or ""
    ids = [int(part) for part in re.findall(r"\d+", text.split("count")[0])]
    assert set(ids) == expected
    entropy = np.array(
        page.evaluate("""async () => Array.from(new Float32Array(await (await fetch(
        "/api/v1/projects/c3-n400-grid/rounds/2/columns/entropy", {headers: {Authorization: "Bearer good"}})).arrayBuffer()))"""),
        dtype=float,
    )
    ranked = sorted(expected, key=lambda i: (-np.nan_to_num(entropy[i - 1], nan=-np.inf), i))
    assert ids == ranked
    expect(page.locator(".side .grid li")).to_have_count(min(60, len(expected)))
    page.keyboard.press("Escape")
    expect(page.get_by_text("count=0,")).to_be_visible()


def test_a_new_colour_fetches_that_column_only(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_map(page, fake, "c10-n3000-colour")
    page.wait_for_selector(".map .centers span", state="attached")  # the classes are there
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url.split("/rounds/")[-1]) if "/rounds/" in request.url else None)
    page.get_by_text("total", exact=True).click()
    expect(page.locator(".legend b")).to_have_text("total")
    page.get_by_text("prediction", exact=True).click()  # known already: names of classes stand where it says
    expect(page.locator(".legend b")).to_have_text("prediction")
    page.get_by_text("entropy", exact=True).first.click()
    expect(page.locator(".legend b")).to_have_text("entropy")
    assert fetched == ["2/columns/total"]


def test_hovering_a_point_shows_its_image_path_and_value(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_map(page, fake, "c3-n400-grid")
    box = page.locator(".plot canvas").first.bounding_box()
    assert box is not None
    scale, cx, cy = (float(part) for part in (page.locator(".map").get_attribute("data-at") or "").split())
    page.mouse.move(box["x"] + box["width"] / 2 + (10 - cx) * scale, box["y"] + box["height"] / 2 - (4 - cy) * scale)
    expect(page.locator(".tip .path")).to_have_text("train/0091.png")  # row 4, column 10; its name, in which no class is
    expect(page.locator(".tip img[src]")).to_have_count(1)
    expect(page.locator(".tip b")).to_have_text(re.compile(r"^\d"))


def test_select_view_takes_what_is_in_view_and_double_click_shows_all(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_map(page, fake, "c3-n400-grid")
    start = page.locator(".map").get_attribute("data-at")
    page.get_by_role("button", name="Select view: select every point in view (V)").click()
    expect(page.locator(".head b")).to_have_text("400 selected")
    page.get_by_role("button", name="Zoom in (+)").click()
    expect(page.locator(".map")).not_to_have_attribute("data-at", start or "")
    page.locator(".plot canvas").first.dblclick(position={"x": 30, "y": 200})
    expect(page.locator(".map")).to_have_attribute("data-at", start or "")
