"""What is held out by hand is not asked for and not trained on, is tested on once it is labeled, and is put back."""

from __future__ import annotations

import random

import pytest

from alcore.errors import BadInput
from alcore.project import asking, creation, exporting, history, slices
from alcore.project.batches import Batch
from alcore.project.catalog import catalog
from alcore.project.holding import BESIDE, hold, take_back
from alcore.project.views import View, found
from alcore.types import HELD, SLICE

pytestmark = pytest.mark.both_databases


def splits(project, ids) -> list[str]:
    rows = project.items.rows(ids)
    return [rows[i]["split"] for i in ids]


def held(project) -> list[int]:
    of, _, at = found(project, View(split=(HELD,)))
    return of.ids[at].tolist()


def test_it_leaves_pool_and_queue_and_comes_back(toy):
    toy.start(6, seed=0)
    catalog(toy)  # what is known of each is carried on from here
    asked, pool = toy.queries.open().waiting, toy.pool()
    chosen = [*asked[:2], *[i for i in pool.unlabeled.tolist() if i not in asked][:2]]
    asking.ask(toy, chosen[2:], annotator="ann")
    assert hold(toy, chosen, annotator="ann", client="one") == Batch(4)
    assert hold(toy, chosen, annotator="ann", client="one") == Batch(4)  # sent again
    assert toy.queries.open().waiting == asked[2:]
    assert set(toy.pool().unlabeled.tolist()) == set(pool.unlabeled.tolist()) - set(chosen)
    assert held(toy) == sorted(chosen)
    assert hold(toy, chosen[:1], annotator="ben") == Batch(0, 1, BESIDE[False])
    assert (toy.journal.differences(), toy.journal.rebuild()) == (0, 0)
    assert [event["kind"] for event in history.history(toy, chosen[0])["events"]] == ["held"]
    assert take_back(toy, "one", annotator="ann", undo="two") == Batch(4)
    assert take_back(toy, "one", annotator="ann", undo="two") == Batch(4)
    assert toy.queries.open().waiting == [*chosen[2:], *asked]
    assert [event["kind"] for event in history.history(toy, chosen[0])["events"]] == ["held", "put back"]
    assert (held(toy), toy.journal.differences()) == ([], 0)


def test_what_is_labeled_of_it_is_tested_on_and_never_trained_on(toy):
    before = toy.pool()
    chosen = before.unlabeled[:5].tolist()
    hold(toy, chosen, annotator="ann")
    toy.annotate(dict.fromkeys(chosen[:3], toy.classes[1]))
    pool = toy.pool()
    assert set(chosen).isdisjoint(pool.labeled.tolist())
    assert dict(zip(pool.test.tolist(), pool.test_targets.tolist(), strict=True)) == {
        **dict(zip(before.test.tolist(), before.test_targets.tolist(), strict=True)),
        **dict.fromkeys(chosen[:3], 1),
    }


def test_labels_stay_and_the_source_read_again_changes_nothing(toy, tmp_path):
    chosen = toy.pool().unlabeled[:2].tolist()
    toy.annotate(dict.fromkeys(chosen, toy.classes[0]))
    hold(toy, chosen, annotator="ann")
    creation.refresh(toy, report=lambda _: None)
    assert splits(toy, chosen) == [HELD, HELD]
    rows = toy.items.rows(chosen)
    assert [rows[i]["label"] for i in chosen] == [toy.classes[0]] * 2
    exporting.export(toy, "csv", tmp_path / "out.csv", ["test"])
    paths = {rows[i]["path"] for i in chosen}
    assert paths <= {line.split(",")[0] for line in (tmp_path / "out.csv").read_text().splitlines()}


def test_what_is_tested_on_already_and_what_another_did_is_left(toy):
    drawn = list(slices.draw(toy, 4).waiting)
    free = toy.pool().unlabeled[:2].tolist()
    assert hold(toy, [*drawn[:1], *free], annotator="ann", client="mine") == Batch(2, 1, BESIDE[False])
    assert splits(toy, drawn[:1]) == [SLICE]
    assert asking.ask(toy, free, annotator="ann") == Batch(0, 2, asking.ANSWERED)
    for name, who in (("mine", "ben"), ("unknown", "ann")):
        with pytest.raises(BadInput, match="nothing of yours"):
            take_back(toy, name, annotator=who)
    assert hold(toy, free[:1], annotator="ben", back=True) == Batch(1)
    assert take_back(toy, "mine", annotator="ann") == Batch(1, 1, BESIDE[True])
    assert hold(toy, free, annotator="ann", back=True) == Batch(0, 2, BESIDE[True])


def test_any_order_of_it_follows_from_the_journal(toy):
    rng = random.Random(3)
    ids = toy.pool().unlabeled[:12].tolist()
    out: set[int] = set()
    for turn in range(40):
        some, back = rng.sample(ids, 4), rng.random() < 0.5
        hold(toy, some, annotator="ann", client=f"turn-{turn}", back=back)
        out = out - set(some) if back else out | set(some)
        assert held(toy) == sorted(out)
    assert toy.journal.differences() == 0
    with toy.place.database.write() as conn:
        conn.exec_driver_sql("update items set split = case split when 'pool' then 'held' when 'held' then 'pool' else split end")
    assert toy.journal.differences() > 0
    assert toy.journal.rebuild() > 0
    assert (held(toy), toy.journal.differences()) == (sorted(out), 0)
