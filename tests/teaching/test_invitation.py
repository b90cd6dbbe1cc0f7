"""The link on the wall is one that others can open, or says why not; the QR code is that link."""

from __future__ import annotations

import re

import pytest
import segno

from alcore.errors import BadInput
from alcore.teaching.invitation import ALONE, drawn, invitation

PATH = "/api/v1/room/ABCDEF"


@pytest.mark.parametrize(
    ("place", "alone", "own", "link", "warned"),
    [
        ("http://localhost:8501", True, "192.168.1.5", "http://localhost:8501", ALONE),
        ("http://127.0.0.1:8501/", True, None, "http://127.0.0.1:8501", ALONE),
        ("http://localhost:8501", False, "192.168.1.5", "http://192.168.1.5:8501", ""),
        ("http://[::1]:8501", False, "fd00::7", "http://[fd00::7]:8501", ""),
        ("http://192.168.1.5:8501", False, "10.0.0.1", "http://192.168.1.5:8501", ""),
        ("https://lab.example/alcore", True, None, "https://lab.example/alcore", ""),  # a proxy stands in front
        ("https://lab.example/alcore/", True, None, "https://lab.example/alcore", ""),
    ],
)
def test_the_link_is_what_others_can_open(place, alone, own, link, warned):
    found = invitation(place, PATH, alone=alone, own=own)
    assert (found.link, found.warning) == (f"{link}{PATH}", warned)
    assert found.qr == drawn(found.link)


def test_without_a_network_nobody_is_promised_anything():
    assert invitation("http://localhost:8501", PATH, alone=False, own=None).warning.startswith("This computer is in no network")


def test_the_warning_names_what_to_start_and_what_to_set():
    assert "python -m alcore serve --host 0.0.0.0" in ALONE
    assert "ALCORE_HOSTS=" in ALONE


@pytest.mark.parametrize(
    "place", ["", "javascript:alert(1)", "http://", "http://a b", "http://x/<script>", "ftp://lab.example", "http://x/" + "y/" * 40, "//x"]
)
def test_only_an_address_of_a_page_is_drawn(place):
    with pytest.raises(BadInput, match=r"is not the address of this app: open its own page and try again"):
        invitation(place, PATH, alone=False, own=None)


def test_the_drawing_has_every_module_of_the_code():
    link = f"http://192.168.1.5:8501{PATH}"
    rows, text = [list(row) for row in segno.make(link, error="m", micro=False).matrix], drawn(link)
    side = len(rows) + 8
    assert f'viewBox="0 0 {side} {side}"' in text
    (strokes,) = re.findall(r'stroke="#000" d="([^"]+)"', text)
    found = [[0] * len(rows) for _ in rows]
    x = y = 0.0
    for kind, numbers in re.findall(r"([Mmhv])([-\d. ]+)", strokes):
        given = [float(number) for number in numbers.split()]
        if kind == "M":
            x, y = given
        elif kind == "m":
            x, y = x + given[0], y + given[1]
        else:
            for step in range(int(given[0])):
                found[int(y) - 4][int(x) + step - 4] = 1
            x += given[0]
    assert found == rows
