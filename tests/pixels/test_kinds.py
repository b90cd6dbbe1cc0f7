"""Which files are pictures, by what is in them; how what is wrong with one is told."""

from __future__ import annotations

import errno
import io
import os
import random
import resource
import sqlite3
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from alcore.errors import AlcoreError, BadInput
from alcore.pixels import images, kinds, packing, streaming
from alcore.pixels.images import decode, heading
from alcore.pixels.kinds import is_image
from alcore.pixels.levels import suggest_levels
from alcore.pixels.streaming import FileRows

SEEN = np.zeros((40, 64, 3), np.uint8)
SEEN[:10, :16] = 255, 0, 0
SEEN[30:] = 0, 0, 255


def encoded(kind: str, array: np.ndarray = SEEN, **options: object) -> bytes:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def qoi(array: np.ndarray) -> bytes:
    return (
        b"qoif"
        + struct.pack(">IIBB", array.shape[1], array.shape[0], 3, 0)
        + b"".join(b"\xfe" + bytes(p) for p in array.reshape(-1, 3))
        + b"\0" * 7
        + b"\1"
    )


def icns(png: bytes) -> bytes:
    return b"icns" + struct.pack(">I", len(png) + 16) + b"ic07" + struct.pack(">I", len(png) + 8) + png


def spider() -> bytes:
    heading = [0.0] * 256
    for at, value in ((1, 1), (2, 4), (3, 17), (5, 1), (12, 4), (13, 64), (22, 1024), (23, 16)):
        heading[at - 1] = value
    return struct.pack(">256f", *heading) + np.arange(16, dtype=">f4").tobytes()


GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)
XPM = b'/* XPM */\nstatic char *a[] = {\n"2 1 2 1",\n"a c #ff0000",\n"b c #0000ff",\n"ab"\n};\n'
XBM = b"#define a_width 8\n#define a_height 1\nstatic char a_bits[] = {\n0x0f };\n"
FITS = b"".join(
    card.ljust(80)
    for card in (
        b"SIMPLE  =                    T",
        b"BITPIX  =                    8",
        b"NAXIS   =                    2",
        b"NAXIS1  =                    2",
        b"NAXIS2  =                    2",
        b"END",
    )
).ljust(2880) + b"\1\2\3\4".ljust(2880, b"\0")

# kind -> a file of it, and what its pixels are (None: lossy, near SEEN)
FILES: dict[str, tuple[object, np.ndarray | None]] = {
    **{kind: (lambda kind=kind: encoded(kind), SEEN) for kind in ("PNG", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "SGI", "PCX", "TGA", "GIF", "IM")},
    **{kind: (lambda kind=kind: encoded(kind), None) for kind in ("JPEG", "WEBP", "AVIF", "HEIF", "MPO")},
    "TGA packed": (lambda: encoded("TGA", compression="tga_rle"), SEEN),
    "ICO": (lambda: encoded("ICO", SEEN[:32, :32], sizes=[(32, 32)], bitmap_format="bmp"), SEEN[:32, :32]),
    "ICNS": (lambda: icns(encoded("PNG", np.resize(SEEN, (128, 128, 3)))), np.resize(SEEN, (128, 128, 3))),
    "grey TGA": (lambda: encoded("TGA", GREY), np.repeat(GREY[..., None], 3, 2)),
    "QOI": (lambda: qoi(SEEN), SEEN),
    "SPIDER": (spider, np.repeat(np.arange(16, dtype=np.uint8).reshape(4, 4, 1), 3, 2)),
    "XPM": (lambda: XPM, np.array([[[255, 0, 0], [0, 0, 255]]])),
    "XBM": (lambda: XBM, np.repeat(np.array([[[255]] * 4 + [[0]] * 4]), 3, 2)),
    "FITS": (lambda: FITS, np.repeat(np.array([[[3], [4]], [[1], [2]]]), 3, 2)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("name", ["x", "x.txt", "x.jpg"])
def test_what_pillow_reads_is_an_image_whatever_its_name(tmp_path, kind, name):
    make, expected = FILES[kind]
    content = make()  # type: ignore[operator]
    (tmp_path / name).write_bytes(content)
    assert is_image(tmp_path / name)
    assert is_image(str(tmp_path / name))
    for source in (tmp_path / name, content):
        found = np.asarray(decode(source))
        if expected is None:
            assert np.abs(found.astype(int) - SEEN).mean() < 6
        else:
            np.testing.assert_array_equal(found, expected)
    assert heading(tmp_path / name) == found.shape[1::-1]


def others(folder: Path) -> list[Path]:
    """Files that are no pictures, of many kinds."""
    rng = random.Random(0)
    text = b"import os\n\nfor name in os.listdir():\n    print(name)\n"
    contents = {
        "a.py": text, "Makefile": b"all:\n\tcc -o a a.c\n", "a.xml": b"<?xml version='1.0'?><a/>", "a.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "a.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "a.ps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a.wmf": b"\xd7\xcd\xc6\x9a\0\0" + bytes(90),
        "a.mp4": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(90), "a.mpg": b"\0\0\1\xb3\x16\0\xf0\x15" + bytes(90), "a.h5": b"\x89HDF\r\n\x1a\n" + bytes(90),
        "a.iim": b"\x1c\3\x3c\0\2\1\0" + b"\x1c\3\x14\0\2\0\1" + bytes(30), "a.imt": b"*comment\nwidth 2\nheight 1\npixel n8\n\x0cab",
        "idx3-ubyte": struct.pack(">IIII", 0x803, 2, 28, 28) + bytes(2 * 784), "zeros": bytes(5000), "ones": np.ones(400, "<f4").tobytes(), "a.c": b"#define a_width 8\nint main(void);\n",
        "b.c": b"/* a comment */\nint main(void);\n", "notes": b"P5 is the fifth of them.\n", "b.txt": b"BM is short for that.\n", "utf16.txt": "hello, all".encode("utf-16"),
        "accents.txt": "caf\u00e9 ".encode() * 40, "a.yaml": b"Image size: 5\nImage type: none\n", "short": b"\0", "a.wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "a.ttf": b"\0\1\0\0\0\x12\1\0" + bytes(200),
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    for number in range(300):
        (folder / f"noise{number}").write_bytes(rng.randbytes(rng.randrange(1, 400)))
    np.save(folder / "a.npy", np.arange(400).reshape(20, 20))
    np.savez(folder / "a.npz", a=np.arange(9))
    with zipfile.ZipFile(folder / "a.docx", "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    with sqlite3.connect(folder / "a.sqlite") as store:
        store.execute("create table a (b)")
    store.close()
    (folder / "empty").touch()
    return sorted(folder.iterdir())


def test_other_files_are_no_images(tmp_path):
    files = others(tmp_path)
    assert [file.name for file in files if is_image(file)] == []
    for file in files:
        with pytest.raises(BadInput):
            decode(file)


def test_text_is_refused_quickly_and_without_pillow(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("asked"))
    file = tmp_path / "a.py"
    file.write_text("import os\n" * 400)
    name, times = str(file), []
    for _ in range(50):
        started = time.perf_counter()
        assert not is_image(name)
        times.append(time.perf_counter() - started)
    assert min(times) < 200e-6  # about 7 on an idle machine


def test_a_picture_that_is_damaged_further_on_is_still_one_and_gets_its_reason(tmp_path):
    for kind in ("PNG", "JPEG", "TIFF", "WEBP", "GIF"):
        file = tmp_path / kind
        file.write_bytes(encoded(kind)[:30])
        assert is_image(file)
        with pytest.raises(BadInput, match="cut short|damaged|cannot be read"):
            decode(file)


def test_pipes_links_and_devices_are_no_images_and_nothing_waits(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to pipe").symlink_to("pipe")
    (tmp_path / "itself").symlink_to("itself")
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "png").write_bytes(encoded("PNG"))
    (tmp_path / "to png").symlink_to("png")
    names = ["pipe", "to pipe", "itself", "nowhere", "gone", "."]
    assert [is_image(tmp_path / name) for name in names] == [False] * 6
    assert is_image(tmp_path / "to png")
    assert not is_image("/dev/null")
    assert not is_image("/dev/zero")
    assert not is_image("a\0b")
    reasons = ["not a regular file", "not a regular file", os.strerror(errno.ELOOP), "No such file", "No such file", "not a regular file"]
    for name, reason in zip(names, reasons, strict=True):
        for look in (decode, heading):
            with pytest.raises(BadInput, match=reason):
                look(tmp_path / name)


def test_a_file_that_may_not_be_read_is_no_image(tmp_path, monkeypatch):
    file = tmp_path / "a.png"
    file.write_bytes(encoded("PNG"))
    monkeypatch.setattr(os, "open", lambda *_: (_ for _ in ()).throw(PermissionError(errno.EACCES, "denied")))
    assert not is_image(file)


def test_kinds_that_run_programs_or_know_only_the_heading_stay_out():
    Image.init()
    out = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG", "IPTC", "IMT"}
    assert set(Image.ID) - set(kinds.KINDS) - {"HEIF"} == out  # a new one of Pillow's is looked at before it is let in
    assert set(kinds.KINDS) - {"HEIF"} <= set(Image.OPEN)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FILES)
def test_random_damage_to_any_kind_is_told_and_nothing_else(kind):
    content = np.frombuffer(FILES[kind][0](), np.uint8)  # type: ignore[operator]
    rng, reasons = np.random.default_rng(0), []
    for _ in range(40):
        hurt = content.copy()
        hurt[rng.integers(0, min(len(hurt), 400), 5)] = rng.integers(0, 256, 5)
        try:
            image = decode(hurt[: rng.integers(1, len(hurt) + 1)].tobytes())
        except BadInput as wrong:
            reasons.append(str(wrong))
            continue
        assert image.mode == "RGB"
    assert [reason for reason in reasons if reason.strip()[-1:] in ("", ":") or "\n" in reason or len(reason) > 300] == []


# ---- upright


STORED = {
    1: SEEN,
    2: SEEN[:, ::-1],
    3: SEEN[::-1, ::-1],
    4: SEEN[::-1],
    5: SEEN.transpose(1, 0, 2),
    6: np.rot90(SEEN),
    7: np.rot90(SEEN, 2).transpose(1, 0, 2),
    8: np.rot90(SEEN, 3),
}


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "WEBP", "MPO", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_rotation_of_every_kind_ends_upright(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"quality": 95, "exif": exif.tobytes()}
    stored = np.ascontiguousarray(STORED[orientation])
    if kind == "MPO":
        options |= {"save_all": True, "append_images": [Image.fromarray(stored[::-1].copy())]}
    file = tmp_path / "x"
    file.write_bytes(encoded(kind, stored, **options))
    found = decode(file)
    assert found.size == heading(file) == (64, 40)
    assert np.abs(np.asarray(found).astype(int) - SEEN).mean() < 6
    row = np.zeros((8, 8, 3), np.uint8)
    assert images.fit(file, row) == (64, 40)
    assert row[0, 0, 0] > 180


def test_a_heic_without_its_package_gets_the_cure_and_all_else_works(tmp_path, monkeypatch):
    heic, png = tmp_path / "a.heic", tmp_path / "a.png"
    heic.write_bytes(encoded("HEIF"))
    png.write_bytes(encoded("PNG"))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    kinds._heif_registered.cache_clear()
    try:
        assert is_image(heic)  # so that the import can name it
        packed = packing.pack([heic, png], 8, tmp_path / "p.npy")
    finally:
        kinds._heif_registered.cache_clear()
    assert packed.failed == {0: "HEIC needs the package pillow-heif: pip install pillow-heif"}
    assert packed.sizes.tolist() == [[0, 0], [64, 40]]


# ---- what is wrong, in words


def test_no_reason_is_without_words(monkeypatch):
    def failing(wrong: Exception) -> str:
        def load(self: Image.Image) -> None:
            raise wrong

        monkeypatch.setattr(ImageFile.ImageFile, "load", load)
        with pytest.raises(BadInput) as told:
            decode(encoded("BMP"))
        return str(told.value)

    assert failing(MemoryError()) == "damaged: it asks for more memory than a picture of its size needs"
    assert failing(OSError("out of memory when reading image file")) == "cannot be read: out of memory when reading image file"
    assert failing(OSError()) == "cannot be read: the system gives no reason"
    assert failing(IndexError()) == "damaged: its reader stops with IndexError"
    assert failing(AssertionError()) == "damaged: its reader stops with AssertionError"
    assert failing(RuntimeError("two\nlines\n")) == "damaged: two lines"


def png_of(width: int, height: int, packed: bytes) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A sound PNG of 5,000 x 5,000: 100 MB in Pillow."""
    packer, parts = zlib.compressobj(1), []
    for row in range(5000):
        parts.append(packer.compress(b"\0" + bytes([row % 251, 7, 9]) * 5000))
    file = tmp_path_factory.mktemp("large") / "large.png"
    file.write_bytes(png_of(5000, 5000, b"".join(parts) + packer.flush()))
    return file


SENTENCE = (
    "not enough memory to decode 'large.png': 5,000 x 5,000 pixels need about 200 MB. "
    "Give the process more memory, end other programs, or make the picture smaller"
)


def test_a_large_sound_picture_that_memory_does_not_hold_stops_the_work(tmp_path, large, monkeypatch):
    def load(self: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    small = tmp_path / "small.bmp"
    small.write_bytes(encoded("BMP"))
    hollow = tmp_path / "hollow.png"
    hollow.write_bytes(png_of(5000, 5000, zlib.compress(bytes(50))))
    for asked in (
        lambda: decode(large),
        lambda: packing.pack([small, large, small], 8, tmp_path / "p.npy"),
        lambda: FileRows(large.parent, ["large.png"], 8)[np.arange(1)],
        lambda: suggest_levels([large]) or decode(large),
    ):
        with pytest.raises(AlcoreError) as told:
            asked()
        assert (type(told.value), str(told.value)) == (AlcoreError, SENTENCE)
    assert sorted(os.listdir(tmp_path)) == ["hollow.png", "small.bmp"]
    packed = packing.pack([small, hollow], 8, tmp_path / "p.npy")
    assert packed.failed == dict.fromkeys((0, 1), "damaged: it asks for more memory than a picture of its size needs")


def test_memory_that_is_gone_altogether_is_told_of_a_small_picture_too(monkeypatch):
    def load(self: Image.Image) -> None:
        raise OSError("out of memory when reading image file")

    def none(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    monkeypatch.setattr(kinds.np, "empty", none)
    with pytest.raises(AlcoreError, match="not enough memory to decode 'a picture': 64 x 40 pixels need about 0 MB") as told:
        decode(encoded("BMP"))
    assert not isinstance(told.value, BadInput)


def test_resizing_that_runs_out_of_memory_is_told_too(tmp_path, monkeypatch):
    def resize(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", resize)
    (tmp_path / "a.bmp").write_bytes(encoded("BMP"))
    with pytest.raises(AlcoreError, match="not enough memory to decode 'a.bmp': 64 x 40"):
        packing.pack([tmp_path / "a.bmp"], 8, tmp_path / "p.npy")


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from alcore.pixels import packing
from alcore.errors import AlcoreError
from PIL import Image
Image.init()
folder = Path(sys.argv[1])
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[3]), used + int(sys.argv[3])))
try:
    packed = packing.pack([folder / name for name in sys.argv[2].split(",")], 8, folder / "p.npy", workers=1)
except AlcoreError as wrong:
    print(type(wrong).__name__, wrong)
else:
    print(dict(packed.failed))
"""


def limited(folder: Path, names: str, room: int) -> str:
    ended = subprocess.run([sys.executable, "-c", LIMITED, folder, names, str(room)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0II*\0"}])
def test_the_size_of_a_webp_is_read_without_decoding_it(options):
    """Pillow asks for all of its memory before it tells the size."""
    assert kinds._webp_size(encoded("WEBP", **options)[:30]) == (64, 40)
    assert kinds._webp_size(encoded("PNG")[:30]) == (0, 0)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits of the address space are Linux's")
def test_under_a_real_limit_a_sound_picture_is_not_called_damaged(large):
    """A sound PNG of 13,000 pixels was set aside as "damaged: " under a limit of 4 GB."""
    (large.parent / "small.png").write_bytes(encoded("PNG"))
    (large.parent / "cut.png").write_bytes(large.read_bytes()[:-5000])
    assert limited(large.parent, "small.png,large.png", 90_000_000) == f"AlcoreError {SENTENCE}"
    assert limited(large.parent, "small.png,large.png", 600_000_000) == "{}"
    assert limited(large.parent, "small.png,cut.png", 600_000_000) == "{1: 'cut short: the file ends before the picture does'}"
    with Image.open(large) as image:
        for kind in ("webp", "jpg"):
            image.save(large.with_suffix(f".{kind}"), quality=30, method=0, progressive=True)
            said = limited(large.parent, f"small.png,large.{kind}", 30_000_000 if kind == "jpg" else 120_000_000)
            assert said == f"AlcoreError {SENTENCE.replace('png', kind)}"
    assert not list(large.parent.glob(".*partial"))


def test_what_is_too_large_is_still_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(png_of(20_000, 20_000, zlib.compress(bytes(50))))
    assert is_image(tmp_path / "a.png")
    for look in (decode, heading):
        with pytest.raises(BadInput, match="too large"):
            look(tmp_path / "a.png")
    sizes, failed = streaming.headings([tmp_path / "a.png"], np.zeros(1, bool))
    assert (sizes.tolist(), list(failed)) == ([[0, 0]], [0])
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != 0
