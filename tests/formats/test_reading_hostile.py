"""Broken and hostile sources: whatever file of whatever format is replaced by what, reading ends soon, in words, and tells nothing of others.

Longer than 400 lines: every entrance of every format meets the same files and the same names.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.cli.main import main
from alcore.errors import AlcoreError, BadInput
from alcore.formats import ReadOptions, read
from alcore.importing.preview import preview
from alcore.importing.request import ImportRequest
from alcore.naming import class_fault
from alcore.pixels import kinds
from alcore.project.facade import Project
from alcore.reading import Reading
from tests.formats.folders import ROWS, Row, named
from tests.sources import box, coco, counts_of, labels_of, mask, noise, picture, pictures, reasons_of, splits_of, write

SECRET = "root:x:hush-hush:0\n"


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    """A named pipe that is opened waits for ever: after a minute the test fails instead."""

    def over(*_: object) -> None:
        raise TimeoutError("it waits for something")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def told(source: Path, options: ReadOptions) -> tuple[Reading | None, list[str]]:
    """The reading, and all sentences people get of it, masks read; or none and the reason."""
    try:
        reading = read(source, options=options)
        said = [reading.took_for, *reading.warnings, *reading.classes]
        for at in range(len(reading.masks) if reading.masks is not None else 0):
            try:
                reading.masks[at]
            except BadInput as wrong:
                said.append(str(wrong))
        said += [text for one in reading.skipped for text in (one.path, one.reason)] + reading.remarks()
        return reading, said
    except BadInput as wrong:
        return None, [str(wrong)]


def assert_in_words(said: list[str], folder: Path) -> None:
    """One line each, in words, of a decent length without the folder the test lies in; nothing of the secret."""
    for text in said:
        short = text.replace(str(folder), "")
        assert text.strip()
        assert "\n" not in text
        assert len(short) < 300, short
        assert "hush" not in text


def files_of(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


# ---- 19 and 20: one door to every file


def as_pipe(file: Path, outside: Path) -> None:
    os.mkfifo(file)


def as_link_outside(file: Path, outside: Path) -> None:
    file.symlink_to(outside)


def as_link_to_itself(file: Path, outside: Path) -> None:
    file.symlink_to(file.name)


def as_broken_link(file: Path, outside: Path) -> None:
    file.symlink_to("nowhere")


def as_folder(file: Path, outside: Path) -> None:
    file.mkdir()


def as_device(file: Path, outside: Path) -> None:
    file.symlink_to("/dev/zero")


@pytest.mark.slow
@pytest.mark.parametrize("put", [as_pipe, as_link_outside, as_link_to_itself, as_broken_link, as_folder, as_device])
@pytest.mark.parametrize("row", ROWS, ids=named)
def test_no_file_of_a_source_is_opened_but_regular_ones_of_its_own(tmp_path: Path, row: Row, put: Callable[[Path, Path], None]) -> None:
    outside = write(tmp_path / "outside" / "secret", SECRET)
    given = tmp_path / "given"
    given.mkdir()
    source = row.build(given) or given
    for file in files_of(given):
        content = file.read_bytes()
        file.unlink()
        put(file, outside)
        _, said = told(source, row.options)
        assert_in_words(said, tmp_path)
        shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()
        file.write_bytes(content)
    assert told(source, row.options)[0] is not None


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_links_to_themselves_beside_the_images_change_nothing(tmp_path: Path, row: Row) -> None:
    given = tmp_path / "given"
    given.mkdir()
    source = row.build(given) or given
    for folder in [given, *(folder for folder in sorted(given.rglob("*")) if folder.is_dir())]:
        (folder / "self").symlink_to("self")
        (folder / "loop").symlink_to(folder)
        os.mkfifo(folder / "pipe.png")
    reading, said = told(source, row.options)
    assert reading is not None
    assert (reading.classes, splits_of(reading), counts_of(reading)) == (row.classes, row.splits, row.counts)
    assert_in_words(said, tmp_path)


def test_an_import_with_a_link_to_itself_names_it(tmp_path, workspace):
    pictures(tmp_path / "set", "cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png")
    (tmp_path / "set" / "cat" / "self").symlink_to("self")
    os.mkfifo(tmp_path / "set" / "dog" / "pipe.jpg")
    project = Project.import_into(workspace, "toy", tmp_path / "set")
    assert project.counts()["items"] == 4
    assert {one.path: one.reason for one in project.items.set_aside()} == {
        "cat/self": "a link that leads nowhere",
        "dog/pipe.jpg": "not a regular file",
    }


@pytest.mark.parametrize("verb", ["label", "import", "dry run"])
def test_the_command_line_shows_no_line_of_a_file_that_is_none_of_ours(tmp_path, workspace, capsys, verb):
    outside = write(tmp_path / "outside" / "shadow", SECRET)
    source = pictures(tmp_path / "set", "1.png", "2.png")
    (source / "labels.csv").symlink_to(outside)
    Project.import_into(workspace, "toy", source, classes=["cat", "dog"])
    home = ["--home", str(workspace.home)]
    arguments = {
        "label": ["label", "--project", "toy", "--csv", str(source / "labels.csv"), *home],
        "import": ["import", str(source / "labels.csv"), "--project", "x", *home],
        "dry run": ["import", str(source / "labels.csv"), "--dry-run", *home],
    }[verb]
    capsys.readouterr()
    code = main(arguments)
    captured = capsys.readouterr()
    assert "hush" not in captured.out + captured.err
    assert "root" not in (captured.out + captured.err).replace(str(tmp_path), "")
    assert code == 2


@pytest.mark.parametrize("name", ["shadow", "shadow.npz", "shadow.json", "hosts.txt"])
def test_a_file_that_was_not_recognized_is_not_quoted(tmp_path, name):
    file = write(tmp_path / name, SECRET)
    for format_name in ("auto", "csv", "npz"):
        with pytest.raises(BadInput) as raised:
            read(file, format_name)
        assert_in_words([str(raised.value)], tmp_path)


# ---- whatever is in a file


BROKEN = {
    "nothing": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "noise": lambda content: np.random.default_rng(0).bytes(500),
    "zeros": lambda content: bytes(2000),
    "one long line": lambda content: b"x," * 50_000,
    "other text": lambda content: b"\xff\xfe\x00\x01" + content,
    "surrogates": lambda content: content.replace(b"a", b"\xed\xa0\x80"),
    "brackets": lambda content: b"[" * 20_000,
    "swapped": lambda content: content[::-1],
    "numbers": lambda content: content.replace(b"1", b"99999999999999999999").replace(b"0", b"-1"),
}


@pytest.mark.parametrize("damage", BROKEN)
@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_damaged_file_is_told_in_words_and_costs_no_traceback(tmp_path: Path, row: Row, damage: str) -> None:
    given = tmp_path / "given"
    given.mkdir()
    source = row.build(given) or given
    for file in files_of(given):
        content = file.read_bytes()
        file.write_bytes(BROKEN[damage](content))
        _, said = told(source, row.options)
        assert_in_words(said, tmp_path)
        file.write_bytes(content)


# ---- 21: one rule for the names of classes


LONG, ZERO, LINES, SURROGATE = "x" * 300, "a\0b", "a\nb", "a\ud800b"


def npz_of(folder: Path, name: str) -> Path:
    labels = {"y_train": np.array([0, 1, 0, 1]), "class_names": np.array(["cat", name])}
    np.savez(folder / "set.npz", x_train=np.zeros((4, 8, 8), np.uint8), **labels)
    return folder / "set.npz"


def npz_labels(folder: Path, name: str) -> Path:
    np.savez(folder / "set.npz", x_train=np.zeros((4, 8, 8), np.uint8), y_train=np.array(["cat", name, "cat", "dog"]))
    return folder / "set.npz"


def csv_labels(folder: Path, name: str) -> Path:
    pictures(folder, "1.png", "2.png", "3.png")
    return write(folder / "labels.csv", f'path,label\n1.png,cat\n2.png,"{name}"\n3.png,dog\n'.encode("utf-8", "surrogatepass"))


def csv_columns(folder: Path, name: str) -> Path:
    pictures(folder, "1.png", "2.png", "3.png")
    write(folder / "labels.csv", f'path,cat,"{name}",dog\n1.png,1,0,0\n2.png,0,1,0\n3.png,0,0,1\n'.encode("utf-8", "surrogatepass"))
    return folder


def coco_categories(folder: Path, name: str) -> Path:
    pictures(folder, "images/1.png", "images/2.png")
    write(folder / "annotations" / "a.json", coco(["1.png", "2.png"], [(1, 1, box(0, 0, 4, 4)), (2, 2, box(0, 0, 4, 4))], ("cat", name)))
    return folder


def camvid_table(folder: Path, name: str) -> Path:
    picture(folder / "images" / "1.png")
    mask(folder / "masks" / "1.png", 0, 1)
    write(folder / "classes.csv", f'name\ncat\n"{name}"\n'.encode("utf-8", "surrogatepass"))
    return folder


def camvid_text(folder: Path, name: str) -> Path:
    camvid_table(folder, "dog")
    (folder / "classes.csv").unlink()
    write(folder / "classes.txt", f"cat\n{name}\n".encode("utf-8", "surrogatepass"))
    return folder


def voc_map(folder: Path, name: str) -> Path:
    picture(folder / "JPEGImages" / "1.png")
    mask(folder / "SegmentationClass" / "1.png", 0, 1)
    write(folder / "labelmap.txt", f"cat:0,0,0::\n{name}:9,9,9::\n".encode("utf-8", "surrogatepass"))
    return folder


def class_folder(folder: Path, name: str) -> Path:
    pictures(folder, "cat/1.png", "dog/2.png")
    os.makedirs(os.fsencode(folder) + b"/" + name[:250].replace("\0", "\1").encode("utf-8", "surrogatepass"))
    shutil.copyfile(
        folder / "cat" / "1.png", os.fsencode(folder) + b"/" + name[:250].replace("\0", "\1").encode("utf-8", "surrogatepass") + b"/3.png"
    )
    return folder


def folder_list(folder: Path, name: str) -> Path:
    pictures(folder, "cat/1.png", "dog/2.png")
    write(folder / "classes.txt", f"dog\ncat\n{name}\n".encode("utf-8", "surrogatepass"))
    return folder


ENTRANCES = (
    npz_of, npz_labels, csv_labels, csv_columns, coco_categories, camvid_table, camvid_text, voc_map, class_folder, folder_list,
)  # fmt: skip


@pytest.mark.parametrize(
    "name", [LONG, ZERO, SURROGATE, "a\tb", "\u202e"], ids=["long", "zero byte", "lone surrogate", "tab", "turns text around"]
)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_name_that_cannot_be_a_class_is_refused_or_set_aside_at_every_entrance(tmp_path, entrance, name):
    folder = tmp_path / "set"
    folder.mkdir()
    source = entrance(folder, name)
    reading, said = told(source, ReadOptions())
    assert_in_words(said, tmp_path)
    if reading is not None:
        assert not [known for known in reading.classes if class_fault(known)]
        assert "cat" in reading.classes or "dog" in reading.classes
        assert {label for label in labels_of(reading).values() if label} <= set(reading.classes)


@pytest.mark.parametrize("name", [LONG, ZERO, LINES, SURROGATE])
def test_classes_that_are_typed_obey_the_same_rule(tmp_path, workspace, capsys, name):
    source = pictures(tmp_path / "set", "1.png", "2.png")
    with pytest.raises(BadInput, match="cannot be a class"):
        Project.import_into(workspace, "toy", source, classes=["cat", name])
    project = Project.import_into(workspace, "toy", source, classes=["cat", "dog"])
    with pytest.raises(BadInput, match="cannot be a class"):
        project.add_class(name)
    capsys.readouterr()
    assert main(["import", str(source), "--dry-run", "--classes", "cat", name]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert len(line) < 300


@pytest.mark.parametrize("name", ["x" * 200, "ü 100 %", "日本語", "a/b", "e\u0301", "-rm *", "=1+1"])
def test_every_class_that_is_taken_can_be_labeled_with(tmp_path, workspace, name):
    project = Project.import_into(workspace, "toy", csv_labels(tmp_path, name))
    item = next(iter(project.snapshot()))[0]
    for known in project.classes:
        assert project.annotate({item: known}) == 1
    assert len(project.classes) == 3


# ---- 22: what a heading claims


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Fails when more than 5 MB are asked for meanwhile, used or not."""
    tracemalloc.start()
    try:
        yield
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 5e6


def test_an_idx_heading_that_claims_millions_allocates_nothing(tmp_path):
    heading = bytes((0, 0, 8, 3)) + np.array([10_000_000, 28, 28], ">u4").tobytes()
    write(tmp_path / "train-images-idx3-ubyte", heading + bytes(768))
    with pytest.raises(BadInput) as raised, little_memory():
        read(tmp_path)
    assert_in_words([str(raised.value)], tmp_path)
    assert "784 bytes" in str(raised.value)


@pytest.mark.parametrize("claimed", [(10_000_000, 28, 28), (1 << 40,), (1 << 62, 1 << 62)])
def test_an_npz_heading_that_claims_millions_allocates_nothing(tmp_path, claimed):
    import zipfile

    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": claimed})
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        archive.writestr("x_train.npy", head.getvalue() + bytes(100))
    with pytest.raises(BadInput) as raised, little_memory():
        read(tmp_path / "set.npz")
    assert_in_words([str(raised.value)], tmp_path)


@pytest.mark.parametrize("size", [[10, 1 << 40], [1 << 31, 1 << 31], [-1, -1], ["10", "12"]])
def test_run_lengths_of_an_absurd_size_cost_only_themselves(tmp_path, size):
    pictures(tmp_path, "images/1.png")
    write(tmp_path / "annotations" / "a.json", coco(["1.png"], [(1, 1, {"size": size, "counts": [0, 120]}), (1, 2, box(0, 0, 2, 2))]))
    reading, said = told(tmp_path, ReadOptions())
    assert reading is not None
    assert_in_words(said, tmp_path)
    assert reading.masks[0][0, 0] == 1


def test_a_camera_that_lies_about_the_sides_in_a_json_is_told(tmp_path):
    pictures(tmp_path, "images/1.png")
    content = json.loads(coco(["1.png"], [(1, 1, box(0, 0, 2, 2))]))
    for width in (10**30, 1e300, -5, 0, "x"):
        content["images"][0]["width"] = width
        write(tmp_path / "annotations" / "a.json", json.dumps(content))
        reading, said = told(tmp_path, ReadOptions())
        assert reading is not None
        assert_in_words(said, tmp_path)


# ---- 14: what is an image, for folders


def test_suffixes_mean_nothing_for_folders_of_images(tmp_path):
    for kind, name in (
        ("TGA", "a.tga"),
        ("JPEG", "b.jfif"),
        ("JPEG", "c.jpe"),
        ("PNG", "d"),
        ("GIF", "e.dat"),
        ("PPM", "f.ppm"),
        ("ICO", "g.ico"),
        ("WEBP", "h.txt"),
    ):
        file = tmp_path / "cat" / name
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(noise(file, (16, 16))).save(file, kind)
    pictures(tmp_path, "dog/1.png")
    write(tmp_path / "cat" / "notes.txt", "no picture")
    reading = read(tmp_path)
    assert counts_of(reading) == {"cat": 8, "dog": 1}
    assert reasons_of(reading) == {"cat/notes.txt": "not an image (its suffix is .txt)"}


@pytest.mark.parametrize(("name", "content", "words"), [
    ("a.doc", b"x", "a.doc: not an image (its suffix is .doc)"),
    ("cat/a.doc", b"x", "cat/a.doc: not an image (its suffix is .doc)"),
    ("noise", b"\x00\x01", "noise: not an image (its suffix is missing)"),
])  # fmt: skip
def test_a_folder_of_unreadable_files_names_the_first_and_why(tmp_path, name, content, words):
    write(tmp_path / "set" / name, content)
    write(tmp_path / "set" / "zz" / "other.xyz", content)
    for ask in (lambda: read(tmp_path / "set"), lambda: preview(ImportRequest.of(tmp_path / "set", {}))):
        with pytest.raises(BadInput) as raised:
            ask()
        assert words in str(raised.value)
        assert_in_words([str(raised.value)], tmp_path)


def test_a_folder_of_damaged_pictures_names_the_first_and_why(tmp_path, workspace):
    for number in range(3):
        write(tmp_path / "set" / f"{number}.png", b"\x89PNG\r\n\x1a\n" + bytes(number))
    with pytest.raises(BadInput, match=r"none of its 3 images can be read") as raised:
        Project.import_into(workspace, "toy", tmp_path / "set")
    assert "0.png" in str(raised.value)
    assert_in_words([str(raised.value)], tmp_path)


# ---- 17: memory


def test_memory_that_runs_out_stops_the_import_with_a_sentence_and_leaves_nothing(tmp_path, workspace, monkeypatch, capsys):
    pictures(tmp_path / "set", *(f"cat/{n}.png" for n in range(4)), "dog/1.png")
    Image.new("RGB", (4000, 3000), "teal").save(tmp_path / "set" / "dog" / "large.png", compress_level=0)
    honest = Image.Image.load

    def short(self):
        if self.size == (4000, 3000):
            raise MemoryError
        return honest(self)

    for kind in ("PngImagePlugin.PngImageFile", "ImageFile.ImageFile"):
        module, _, name = kind.partition(".")
        owner = getattr(__import__(f"PIL.{module}", fromlist=[name]), name)
        if "load" in vars(owner):
            plain = owner.load
            monkeypatch.setattr(owner, "load", lambda self, plain=plain: short(self) if self.size == (4000, 3000) else plain(self))
    monkeypatch.setattr(kinds, "_memory_is_short", lambda *_: True)
    with pytest.raises(AlcoreError) as raised:
        Project.import_into(workspace, "toy", tmp_path / "set", cache="pack")
    assert not isinstance(raised.value, BadInput)
    assert "not enough memory to decode 'large.png'" in str(raised.value)
    assert_in_words([str(raised.value)], tmp_path)
    assert workspace.projects() == []
    assert main(["import", str(tmp_path / "set"), "--project", "toy", "--cache", "pack", "--home", str(workspace.home)]) == 2
    assert "not enough memory" in capsys.readouterr().err


def test_every_reason_has_words(tmp_path, workspace):
    good = picture(tmp_path / "set" / "good.png").read_bytes()
    picture(tmp_path / "set" / "other.jpg")
    jpeg = (tmp_path / "set" / "other.jpg").read_bytes()
    for at, content in enumerate(
        [good[:40], good[:-20], jpeg[:30], jpeg[:-300], good[:60] + bytes(500), b"GIF89a", b"BM" + bytes(60), b"RIFF0000WEBP"]
    ):
        write(tmp_path / "set" / f"bad{at}.png", content)
    project = Project.import_into(workspace, "toy", tmp_path / "set")
    reasons = {one.path: one.reason for one in project.items.set_aside()}
    assert len(reasons) >= 7
    for reason in reasons.values():
        assert sum(letter.isalpha() for letter in reason.partition(":")[2] or reason) > 5, reason
