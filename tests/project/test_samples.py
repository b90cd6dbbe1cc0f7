"""What each class shows and counts: samples spread evenly, by label or by truth, and nothing of what somebody may not see yet."""

from __future__ import annotations

import pytest

from alcore.project import addresses, classes, labeling, samples, sharing
from alcore.project.labeling import Window
from alcore.types import Annotation
from tests.project.sliced import say


def numbers(project, rows) -> dict[str, tuple[int, list[int]]]:
    """Class -> (images, numbers of those shown), read back from their addresses."""
    by_address = {addresses.picture(project.name, i, row["fingerprint"]): i for i, row in everything(project).items()}
    return {name: (count, [by_address[address] for address, _ in shown]) for name, count, shown in rows}


def everything(project) -> dict:
    return project.items.rows(project.snapshot().ids.tolist())


def test_samples_are_spread_over_the_images_of_a_class_by_label_or_else_by_truth(toy):
    rows = everything(toy)
    known = {i: row["label"] or row["truth"] for i, row in rows.items()}
    found = numbers(toy, samples.samples(toy, 3, 2))
    assert list(found) == ["0", "1", "2"]  # the first three, and nobody is without a truth
    for name, (count, shown) in found.items():
        ids = sorted(i for i, one in known.items() if one == name)
        step = len(ids) // 2
        assert (count, shown) == (len(ids), [ids[step - 1], ids[2 * step - 1]])
    wrong = toy.pool().unlabeled[:1].tolist()[0]
    other = next(name for name in toy.classes if name != rows[wrong]["truth"])
    toy.annotate({wrong: other})
    after = numbers(toy, samples.samples(toy, 4, 100))
    assert (wrong in after[other][1], wrong in after[rows[wrong]["truth"]][1]) == (True, False)
    classes.rename(toy, other, "new name")
    assert numbers(toy, samples.samples(toy, 4, 100))["new name"] == after[other]


def test_what_has_neither_label_nor_truth_comes_last_and_masks_are_one_group(scenes, photos):
    assert [(name, count, len(shown)) for name, count, shown in samples.samples(scenes, 5, 2)] == [("images", 14, 8)]
    assert sum(count for _, count, _ in samples.samples(photos, 12, 10)) == len(everything(photos))


@pytest.mark.parametrize("people", [2, 3])
def test_nothing_is_shown_of_what_others_said_until_ones_own_opinion_is_given(toy, people):
    toy.start(12, seed=0)
    sharing.choose(toy, opinions=people)
    before = toy.counts()["labels"]
    item = labeling.query(toy, 1, window=Window("ann", "w-ann"))["items"][0]["id"]
    truth = everything(toy)[item]["truth"]
    said = next(name for name in toy.classes if name != truth)
    toy.journal.record([_opinion(item, said, "ann", people)], toy.classes)

    def seen(who: str | None) -> tuple[bool, bool]:
        found = numbers(toy, samples.samples(toy, 4, 100, who))
        return item in found[said][1], item in found[truth][1]

    assert (seen("ann"), seen(None), seen("ben")) == ((True, False), (True, False), (False, True))
    counts, hidden = samples.counts_for(toy, "ben")
    assert (counts["labels"], counts["labeled"], hidden) == (before, toy.counts()["labeled"], 1)
    counts, hidden = samples.counts_for(toy, "ann")
    assert (counts["labels"], hidden) == (before | {said: before.get(said, 0) + 1}, 0)
    toy.journal.record([_opinion(item, truth, "ben", people)], toy.classes)
    assert seen("ben") == seen("ann")
    assert samples.counts_for(toy, "ben") == (toy.counts(), 0)


def test_one_opinion_an_image_hides_nothing(toy):
    say(toy, toy.pool().unlabeled[:3].tolist(), annotator="ann")
    assert samples.counts_for(toy, "ben") == (toy.counts(), 0)
    assert samples.samples(toy, 4, 100, "ben") == samples.samples(toy, 4, 100)


def test_a_smaller_count_says_why():
    assert samples.left_out(0) == ""
    assert samples.left_out(1) == "Without 1 label of others, of images that you are to answer before you see what they said."
    assert samples.left_out(1200).startswith("Without 1,200 labels of others,")


def _opinion(item: int, value: str, who: str, people: int) -> Annotation:
    return Annotation(f"w-{who}", 1, item, "label", value, 900, who, 0, replaces="", opinions=people)
