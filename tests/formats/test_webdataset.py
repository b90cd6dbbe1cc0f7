"""WebDataset: what belongs to a key, what a label is, shards that are damaged or hostile, what is written and comes back."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from alcore.errors import BadInput
from alcore.formats import read, webdataset
from tests.formats.exchanged import content, shard
from tests.formats.exchanged import webdataset as shards
from tests.formats.test_hf import items
from tests.sources import labels_of, write


def test_members_of_a_key_belong_together_and_have_their_bytes(tmp_path: Path) -> None:
    shards(tmp_path)
    reading = read(tmp_path)
    assert labels_of(reading) == {"a.jpg": "cat", "b.jpg": "dog", "n/c.jpg": "dog", "d.jpg": "cat"}
    assert [reading.contents[at] for at in (3, 0, 2)] == [content("d"), content("a"), content("c")]
    assert reading.contents.size == sum(len(content(name)) for name in "abcd")


@pytest.mark.parametrize(
    ("members", "label"),
    [
        ([("x.jpg", b""), ("x.cls", "dog\n")], "dog"),
        ([("x.jpg", b""), ("x.cls", "7")], "7"),
        ([("x.jpg", b""), ("x.txt", "dog")], "dog"),
        ([("x.jpg", b""), ("x.txt", "a dog on a beach"), ("x.cls", "dog")], "dog"),
        ([("x.jpg", b""), ("x.json", '{"label": "dog", "score": 1}')], "dog"),
        ([("x.jpg", b""), ("x.json", '{"label": 3}')], "3"),
        ([("x.json", '{"class_name": "dog"}'), ("x.cls", "4"), ("x.jpg", b"")], "dog"),
        ([("x.jpg", b""), ("x.json", "[1, 2"), ("x.txt", "")], None),
    ],
)
def test_a_label_is_the_class_of_cls_or_json_or_else_a_short_text(tmp_path: Path, members, label: str | None) -> None:
    members = [(name, content("x") if name.endswith(".jpg") else of) for name, of in members]
    assert labels_of(read(shard(tmp_path / "x.tar", members), "webdataset")) == {"x.jpg": label}


def test_the_key_ends_at_the_first_dot_and_the_first_image_counts(tmp_path: Path) -> None:
    members = [("x.rgb.jpg", content("x")), ("x.depth.png", content("y")), ("x.cls", "dog")]
    reading = read(shard(tmp_path / "x.tar", members))
    assert labels_of(reading) == {"x.rgb.jpg": "dog"}
    assert [skip.reason for skip in reading.skipped] == ["another image of the key 'x': the first one counts"]


def test_a_class_beyond_the_list_is_told(tmp_path: Path) -> None:
    shards(tmp_path)
    write(tmp_path / "classes.txt", "cat\n")
    reading = read(tmp_path)
    assert labels_of(reading) == {"a.jpg": "cat", "b.jpg": "dog", "d.jpg": "cat"}
    assert [(skip.path, skip.reason) for skip in reading.skipped] == [
        ("train-000001.tar: n/c", "its class is 1 and classes.txt names 1 class: add it there")
    ]


def test_captions_are_said_to_be_no_classes(tmp_path: Path) -> None:
    members = [one for at in range(4) for one in ((f"{at}.jpg", content(str(at))), (f"{at}.txt", f"photo {at}"))]
    assert read(shard(tmp_path / "x.tar", members)).warnings == ["4 different texts for 4 images are hardly classes, rather captions"]


def test_names_that_lead_out_links_and_pipes_are_left_out_by_name(tmp_path: Path) -> None:
    with tarfile.open(shard(tmp_path / "x.tar", [("a.jpg", content("a")), ("a.cls", "cat")]), "a") as tar:
        for name in ("../../evil.jpg", "/etc/evil.jpg", "ok/../../evil.jpg"):
            about = tarfile.TarInfo(name)
            about.size = 3
            tar.addfile(about, io.BytesIO(b"abc"))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            about = tarfile.TarInfo("link.jpg")
            about.type, about.linkname = kind, "/etc/passwd"
            tar.addfile(about)
    reading = read(tmp_path / "x.tar")
    assert labels_of(reading) == {"a.jpg": "cat"}
    assert [skip.reason for skip in reading.skipped] == [
        *["its name leads out of the archive: left out"] * 3,
        *["a link or another special member, which no shard needs: left out"] * 3,
    ]


def test_a_path_in_a_json_never_leads_out(tmp_path: Path) -> None:
    members = [("a.jpg", content("a")), ("a.json", json.dumps({"label": "cat", "path": "../../../etc/cron.d/x"}))]
    assert [entry.path for entry in read(shard(tmp_path / "x.tar", members)).entries] == ["_./_./_./etc/cron.d/x"]


def test_a_shard_that_breaks_off_gives_what_is_before(tmp_path: Path) -> None:
    file = shard(tmp_path / "x.tar", [one for n in "abc" for one in ((f"{n}.cls", "cat"), (f"{n}.jpg", content(n)))])
    with tarfile.open(file) as tar:
        start = tar.getmember("c.jpg").offset_data
    file.write_bytes(file.read_bytes()[: start + 20])
    reading = read(file)
    assert labels_of(reading) == {"a.jpg": "cat", "b.jpg": "cat"}
    assert reading.skipped[0].reason == "the shard ends within it: copy the shard again"
    file.write_bytes(b"no tar at all" * 100)
    with pytest.raises(BadInput, match="holds no image in 1 shard; the first, x.tar: the shard is damaged or breaks off"):
        read(file, "webdataset")
    with pytest.raises(BadInput, match="is an archive: unpack it and import the folder"):
        read(file)


def test_a_tar_of_folders_is_no_shard(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is an archive: unpack it"):
        read(shard(tmp_path / "x.tar", [("cat/1.jpg", content("a")), ("dog/2.jpg", content("b"))]))


def test_what_is_written_comes_back_with_its_paths_in_shards_of_a_size(tmp_path: Path) -> None:
    given = items(("x/a b.jpg", "train", "no"), ("b", "val", "größe"), ("c.rgb.jpg", "train", "10"), ("d.jpg", "train", "no"))
    classes = ("no", "10", "größe", "none of these")
    assert webdataset.write_labels(tmp_path / "out", given, classes, shard=4500) == []
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == ["classes.txt", "train-000000.tar", "train-000001.tar", "val-000000.tar"]
    reading = read(tmp_path / "out")
    assert (reading.format, reading.classes) == ("webdataset", classes)
    assert {(e.path, e.split, e.label, reading.contents[at]) for at, e in enumerate(reading.entries)} == {
        (one.path, {"train": "pool"}.get(one.split, one.split), one.label, content(one.path)) for one in given
    }
    webdataset.write_labels(tmp_path / "again", given, classes, shard=4500)
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
