"""What was said of an image is offered for its near duplicates."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput, Cancelled
from alcore.files import written_whole
from alcore.measures import duplicates
from alcore.measures.clusters import of_length_one
from alcore.measures.duplicates import near_duplicates
from alcore.project import alike, features, queue, sharing
from alcore.project.facade import Project
from alcore.project.features import Features
from alcore.types import Annotation
from tests.extractors.colors import stand_in
from tests.project.photos import write_photos
from tests.project.sliced import say


def keep(photos, together: dict[int, int]) -> None:
    """Groups as they would be kept, by item."""
    found = Features(photos)
    rows = dict(zip(found.ids.tolist(), found.rows.tolist(), strict=True))
    kept = np.arange(found.store.count)
    for i, other in together.items():
        kept[rows[i]] = kept[rows[other]]
    with written_whole(found.groups_file) as file:
        np.save(file, kept)


def test_near_duplicates_get_the_label_as_a_draft_while_all_labels_agree(photos):
    assert alike.groups(photos) == {}
    Features(photos).complete("cpu")
    assert alike.groups(photos) == {}
    a, b, c, d, e = photos.pool().unlabeled[:5].tolist()
    keep(photos, {b: a, c: a, e: d})
    assert alike.groups(photos) == {a: (a, b, c), b: (a, b, c), c: (a, b, c), d: (d, e), e: (d, e)}
    assert alike.said_of_others(photos, [a, b, c, d, e]) == {}
    say(photos, [a], value="sea")
    assert alike.said_of_others(photos, [a, b, c, d, e]) == {b: "sea", c: "sea"}
    shown = {entry["id"]: entry for entry in queue.describe(photos, None, [a, b, d])}
    assert (shown[b]["draft"], shown[b]["reason"]) == ("sea", "a near duplicate was labeled sea")
    assert (shown[a]["draft"], shown[d]["draft"]) == (None, None)
    say(photos, [b], value="brick")
    assert alike.said_of_others(photos, [a, b, c]) == {a: "brick", b: "sea"}  # of c's two, each says something else


def test_what_another_said_of_a_near_duplicate_waits_for_ones_own_opinion_of_it(photos):
    Features(photos).complete("cpu")
    a, b = photos.pool().unlabeled[:2].tolist()
    keep(photos, {b: a})
    sharing.choose(photos, opinions=2)

    def answers(who: str) -> None:
        event = Annotation(f"w-{who}", 1, a, "label", "sea", 900, who, 0, replaces="", opinions=2)
        assert photos.journal.record([event], photos.classes)[1] == []

    answers("anna")
    assert sharing.unseen(photos, "ben") == [a]

    def draft(viewer: str | None) -> tuple[str | None, str]:
        entry = queue.describe(photos, None, [b], viewer)[0]
        return entry["draft"], entry["reason"]

    assert draft(None) == draft("anna") == ("sea", "a near duplicate was labeled sea")
    assert draft("ben") == (None, "")
    answers("ben")
    assert draft("ben") == ("sea", "a near duplicate was labeled sea")


def test_masks_and_projects_without_features_have_none(scenes, project):
    assert alike.groups(scenes) == {}
    assert alike.said_of_others(project, project.pool().unlabeled[:3].tolist()) == {}


def test_another_likeness_joins_others_and_is_kept_for_itself(photos):
    found = Features(photos)
    found.complete("cpu")
    before, usual = found.groups()[1].tolist(), found.cosine
    alike.choose(photos, 0.9)
    other = Features(photos)
    assert (other.cosine, other.known_groups()) == (0.9, None)
    assert alike.groups(photos) == {}  # not compared yet
    now = other.groups()[1]
    expected = near_duplicates(other.store.vectors(), 0.9)[other.rows]
    assert now.tolist() == expected.tolist() != before
    assert len(alike.groups(photos)) > 0
    alike.choose(photos, usual)
    assert Features(photos).groups()[1].tolist() == before
    for wrong in (0.5, 1.1, float("nan")):
        with pytest.raises(BadInput, match=r"use 0\.8 to 1"):
            alike.choose(photos, wrong)


def test_pairs_to_look_at_lie_to_either_side_of_the_limit(photos):
    Features(photos).complete("cpu")
    found = Features(photos)
    vectors = of_length_one(found.store.vectors()[found.rows])
    cosines = vectors @ vectors.T
    shown = alike.pairs_about(photos, 0.97, 3)
    at = {i: place for place, i in enumerate(found.ids.tolist())}
    np.testing.assert_allclose([likeness for _, _, likeness in shown], [cosines[at[one], at[other]] for one, other, _ in shown], atol=1e-5)
    sides = [likeness >= 0.97 for _, _, likeness in shown]
    assert sides == [True] * 3 + [False] * 3
    every = np.sort(cosines[np.triu_indices(len(vectors), 1)])
    np.testing.assert_allclose([shown[2][2], shown[3][2]], [every[every >= 0.97].min(), every[every < 0.97].max()], atol=1e-5)


def test_photos_that_one_camera_took_within_two_seconds_are_asked_for_once(workspace, tmp_path, monkeypatch):
    stand_in(monkeypatch.setattr)
    source = write_photos(tmp_path / "series", pool=6, test=2)
    files = sorted(path for path in (source / "train").rglob("*.png"))
    for number, file in enumerate(files):
        second = number if number < 4 else 20 * number
        exif = Image.Exif()
        exif[0x010F] = "Acme"
        exif.get_ifd(0x8769)[0x9003] = f"2024:01:01 10:{second // 60:02}:{second % 60:02}"
        with Image.open(file) as image:
            image.save(file, exif=exif)
    project = Project.import_into(workspace, "series", source)
    found = Features(project)
    found.complete("cpu")
    monkeypatch.setattr(duplicates, "SERIES_CLOSE", 0.1)
    ids, group = found.groups()
    rows = project.items.rows(ids.tolist())
    names = {i: rows[i]["path"] for i in ids.tolist()}
    series = {f"train/{path.relative_to(source / 'train')}" for path in files[:4]}
    members = {
        names[i] for i, g in zip(ids.tolist(), group.tolist(), strict=True) if g == group[[names[j] in series for j in ids.tolist()]][0]
    }
    assert members == series


def test_times_are_read_once_and_whoever_stops_them_loses_nothing(photos, monkeypatch):
    found = Features(photos)
    found.complete("cpu")
    asked = []
    monkeypatch.setattr(features, "taken", lambda path: asked.append(path))

    def stop(progress):
        if progress.message:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        found.groups(stop)
    assert (found.known_groups(), asked) == (None, [])
    found.groups()
    assert len(asked) == len(found.ids)
    alike.choose(photos, 0.9)
    Features(photos).groups()
    assert len(asked) == len(found.ids)  # another likeness needs no other times


def test_pictures_of_an_array_have_no_times_and_none_is_looked_for(photos, monkeypatch):
    found = Features(photos)
    found.complete("cpu")
    monkeypatch.setitem(photos.settings, "array_source", True)
    monkeypatch.setattr(type(photos.pictures), "source", lambda *given: pytest.fail("it was read"))
    assert len(found.groups()[0]) == len(found.ids)
