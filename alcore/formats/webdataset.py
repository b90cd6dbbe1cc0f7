"""WebDataset: tar shards whose members of one key belong together: `000.jpg`, `000.cls`, `000.json`. None is unpacked to be looked at."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alcore.columns import Entries
from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions, count, is_image_name, near, split_of_listing, split_of_path
from alcore.formats.writing import Free, Labeled, upright
from alcore.naming import check_class, class_fault, class_name, class_order, printable
from alcore.reading import Reading
from alcore.types import Skipped

SHARD = 512_000_000  # bytes, from which on a new shard is begun
LARGEST = 1 << 20  # bytes of a label: a member that should be one and is larger is none
LOOKED_AT = 64  # members of a shard that tell what it is
CLASSES = "classes.txt"  # a class a line, beside the shards: what the numbers mean
LABELS = ("cls", "json", "txt")  # the likeliest first; txt is a caption in many shards
NAMED = ("label", "class", "class_name", "cls", "category")  # keys of a JSON that name a class
MEMBER = re.compile(r"^((?:.*/|)[^./][^./]*)[.]([^/]*)$")  # webdataset's own rule: the key ends at the first dot of the name
CAPTIONS = 0.5  # so many classes for each image are texts about the images, and no classes


class WebDataset(Format):
    """A shard, or a folder of shards, each of the split its name tells.

    A class is what `.cls` says (a number of `classes.txt` beside the shards, or a name), else the `label` of `.json`, else a short `.txt`.
    Where a JSON of ours tells the image's path, it is called that again. Of several images of one key the first counts.
    """

    name = "webdataset"
    title = "WebDataset (tar shards)"
    rank = 15

    def recognizes(self, src: Path) -> str | None:
        """A tar, or tars in a folder, in which an image has a label of its key."""
        names = _shards(src)
        return "WebDataset shards" if names and _labels_images(_root(src) / names[0]) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        names, root = _shards(src), _root(src)
        if not names:
            raise BadInput(f"{src} holds no .tar: give a shard, or the folder of the shards")
        skipped: list[Skipped] = []
        lists = {folder: _numbered(root, folder) for folder in dict.fromkeys(map(os.path.dirname, names))}
        found, free, entries, warnings = Found(root, names), Free(), Entries(), list[str]()
        captions = 0
        for at, name in enumerate(names):
            split = split_of_listing(name) or split_of_path(name) or "pool"
            numbered = lists[os.path.dirname(name)]
            for sample in _samples(root / name, name, skipped):
                label, doubt = sample.label(numbered)
                if doubt:
                    skipped.append(Skipped(f"{name}: {printable(sample.key)[:80]}", doubt))
                    continue
                captions += sample.by_text
                entries.append(free.take(sample.path or sample.key + sample.suffix), split, label)
                found.add(at, sample)
        if not len(entries):
            first = f"; the first, {skipped[0].path[:80]}: {skipped[0].reason}" if skipped else ""
            raise BadInput(f"{src} holds no image in {count(len(names), 'shard')}{first}: give shards of images")
        labeled = int((entries.labels >= 0).sum())
        listed = tuple(dict.fromkeys(name for of in lists.values() for name in of))
        classes = listed if set(entries.names) <= set(listed) else class_order(entries.names)
        if captions and len(entries.names) > CAPTIONS * labeled and labeled > 2:
            warnings.append(f"{len(entries.names):,} different texts for {labeled:,} images are hardly classes, rather captions")
        told = f"WebDataset, {count(len(names), 'shard')}: {count(len(entries), 'image')}, {count(len(classes), 'class', 'classes')}"
        rest = f", {len(entries) - labeled:,} of them unlabeled" if labeled < len(entries) else ""
        reading = Reading(root, classes, entries, skipped, contents=found, took_for=told + rest, warnings=warnings)
        reading.used = frozenset(os.path.join(folder, CLASSES) for folder in lists)
        return reading


@dataclass
class Sample:
    """What the members of one key say.

    Attributes:
        key: as the shard has it; suffix: of its image, with the dot.
        start, size: where the image lies in the shard.
        texts: kind -> the content of a label of LABELS.
        path: the image's own, where a JSON tells it.
    """

    key: str
    suffix: str = ""
    start: int = -1
    size: int = 0
    texts: dict[str, str] = field(default_factory=dict)
    path: str = ""
    by_text: bool = False

    def label(self, numbered: Sequence[str]) -> tuple[str | None, str]:
        """(class or None, ""), or (None, why it cannot be one)."""
        told = self._json()
        self.path = told["path"] if isinstance(told.get("path"), str) else ""
        named = next((told[key] for key in NAMED if told.get(key) not in (None, "")), None)
        given = self.texts.get("cls", "").strip()
        if isinstance(named, str) and (not given or (_is_number(given) and not numbered)):
            return _class(named)
        if not given and type(named) is int:
            given = str(named)
        if not given:
            self.by_text = bool(self.texts.get("txt", "").strip())
            return _class(self.texts["txt"]) if self.by_text else (None, "")
        if not _is_number(given) or not numbered:
            return _class(given)
        if not 0 <= int(given) < len(numbered):
            return None, f"its class is {int(given)} and {CLASSES} names {count(len(numbered), 'class', 'classes')}: add it there"
        return numbered[int(given)], ""

    def _json(self) -> dict[str, Any]:
        try:
            told = json.loads(self.texts.get("json") or "{}")
        except (ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and len(text) < 10


def _class(text: str) -> tuple[str | None, str]:
    name = class_name(text)
    return (None, fault) if (fault := class_fault(name)) else (name, "")


class Found:
    """Images by their places in shards, see reading.Contents; each is read when it is asked for, from any thread."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self._files = [root / name for name in names]
        self._shard, self._start, self._size = array("i"), array("q"), array("q")
        self.size = 0

    def add(self, shard: int, sample: Sample) -> None:
        """One more, of the shard of that number."""
        self._shard.append(shard)
        self._start.append(sample.start)
        self._size.append(sample.size)
        self.size += sample.size

    def __len__(self) -> int:
        return len(self._shard)

    def __getitem__(self, at: int) -> bytes:
        file = self._files[self._shard[at]]
        try:
            with open(file, "rb") as binary:
                binary.seek(self._start[at])
                content = binary.read(self._size[at])
        except OSError as wrong:
            raise BadInput(f"{file.name} cannot be read: {wrong.strerror}") from wrong
        if len(content) != self._size[at]:
            raise BadInput(f"{file.name} ends within the image: copy the shard again")
        return content


def _root(src: Path) -> Path:
    return src if src.is_dir() else src.parent


def _shards(src: Path) -> list[str]:
    """The tars, in `src` and its folders, relative to it."""
    if not src.is_dir():
        return [src.name] if src.suffix.lower() == ".tar" else []
    return near(src, ".tar")


def _numbered(root: Path, folder: str) -> tuple[str, ...]:
    """The classes by their numbers, where a list of them lies beside the shards of a folder."""
    door, listing = Inside(root), os.path.join(folder, CLASSES)
    if not door.has(listing):
        return ()
    names = tuple(check_class(line, CLASSES) for _, line in door.lines(listing))
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"{CLASSES} names {twice!r} twice: a line for each class")
    return names


def _labels_images(shard: Path) -> bool:
    """Whether an image among the first members has a label."""
    images: set[str] = set()
    labels: set[str] = set()
    try:
        with tarfile.open(shard, "r:") as opened:
            for at, member in enumerate(opened):
                key, kind = _parts(member.name)
                if member.isreg() and is_image_name(f"x.{kind}"):
                    images.add(key)
                elif member.isreg() and kind in LABELS:
                    labels.add(key)
                if images & labels:
                    return True
                if at >= LOOKED_AT:
                    break
    except (tarfile.TarError, OSError, ValueError, EOFError):
        return False
    return False


def _parts(name: str) -> tuple[str, str]:
    """(key, kind) as webdataset parts them; of no key where the name has none."""
    parted = MEMBER.match(name)
    return (parted[1].removeprefix("./"), parted[2].lower()) if parted else ("", "")


def _samples(file: Path, name: str, skipped: list[Skipped]) -> Iterator[Sample]:
    """The samples of a shard that have an image, in its order; a shard that breaks off gives those that are whole."""
    sample: Sample | None = None
    try:
        length = os.stat(file).st_size
        with tarfile.open(file, "r:") as opened:
            for member in opened:
                if member.isdir():
                    continue
                if fault := _fault(member, length):
                    skipped.append(Skipped(f"{name}: {printable(member.name)[:120]}", fault))
                    continue
                key, kind = _parts(member.name)
                if not key:
                    continue
                if sample is None or sample.key != key:
                    yield from _whole(sample)
                    sample = Sample(key)
                if is_image_name(f"x.{kind}"):
                    if sample.suffix:
                        reason = f"another image of the key {printable(key)[:60]!r}: the first one counts"
                        skipped.append(Skipped(f"{name}: {printable(member.name)[:120]}", reason))
                    else:
                        sample.suffix, sample.start, sample.size = f".{kind}", member.offset_data, member.size
                elif kind in LABELS and member.size <= LARGEST and (content := opened.extractfile(member)) is not None:
                    sample.texts[kind] = content.read().decode("utf-8", "replace")
                opened.members = []  # type: ignore[attr-defined]  # tarfile keeps every heading it has seen
    except (tarfile.TarError, OSError, ValueError, EOFError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) and wrong.strerror else wrong
        skipped.append(Skipped(name, f"the shard is damaged or breaks off ({why}): what is before was taken, copy it again"))
    yield from _whole(sample)


def _whole(sample: Sample | None) -> Iterator[Sample]:
    if sample is not None and sample.suffix:
        yield sample


def _fault(member: tarfile.TarInfo, length: int) -> str:
    """Why a member is not taken."""
    if not member.isreg() or member.issparse():
        return "a link or another special member, which no shard needs: left out"
    if member.name.startswith("/") or ".." in member.name.split("/") or "\0" in member.name:
        return "its name leads out of the archive: left out"
    if member.offset_data + member.size > length:
        return "the shard ends within it: copy the shard again"
    return ""


FORMAT = WebDataset()


def write_labels(out: Path, items: Iterable[Labeled], classes: Sequence[str], shard: int = SHARD) -> list[tuple[str, str]]:
    """Writes `train-000000.tar`, … with for each image its content, `.cls` (the number of its class) and `.json` (label, path, annotator),
    and classes.txt, which says what the numbers mean. The same labels give the same bytes.

    Args:
        shard: bytes from which on a new shard is begun.

    Returns:
        Nothing: the keys are numbers, and the JSON has the path.
    """
    out.mkdir(parents=True)
    (out / CLASSES).write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
    numbers = {name: at for at, name in enumerate(classes)}
    open_ones: dict[str, tuple[tarfile.TarFile, int]] = {}
    try:
        for at, item in enumerate(items):
            tar, number = open_ones.get(item.split, (None, -1))
            if tar is None or tar.offset >= shard:
                if tar is not None:
                    tar.close()
                tar = _begun(out / f"{item.split}-{number + 1:06d}.tar")
                open_ones[item.split] = (tar, number + 1)
            content, suffix = upright(item)
            told = {"label": item.label, "path": printable(item.path), "annotator": item.annotator}
            _add(tar, f"{at:09d}{suffix.lower()}", content)
            _add(tar, f"{at:09d}.cls", str(numbers[item.label]).encode())
            _add(tar, f"{at:09d}.json", json.dumps(told, ensure_ascii=False).encode())
    finally:
        for tar, _ in open_ones.values():
            tar.close()
    return []


def _begun(file: Path) -> tarfile.TarFile:
    return tarfile.open(file, "w", format=tarfile.USTAR_FORMAT)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
