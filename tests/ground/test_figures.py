"""The figures' traces hold the numbers of the frames, and empty frames say what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from alcore.figures import (
    PALETTE,
    class_balance,
    differences,
    embedding_map,
    in_bars,
    learning_curve,
    losses,
    progress_curve,
    score_histogram,
)


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [7, 3, 9, 4],
            "path": ["a.png", "b.png", "c.png", "d.png"],
            "x": [0.0, 1.0, 2.0, np.nan],
            "y": [5.0, 6.0, 7.0, 8.0],
            "total": [0.25, 0.5, 1.0, 0.75],
            "label": ["cat", None, "dog", "cat"],
            "selected": [False, True, False, False],
        }
    )


def sentence(figure) -> str:
    assert len(figure.data) == 0
    return figure.layout.annotations[0].text.replace("<br>", " ")


def test_the_map_colors_by_a_score_and_rings_the_query(frame):
    figure = embedding_map(frame)
    pool, query = figure.data
    assert (pool.type, list(pool.x), list(pool.y), list(pool.marker.color)) == ("scattergl", [0, 1, 2], [5, 6, 7], [0.25, 0.5, 1.0])
    assert [row[:2] for row in pool.customdata] == [[7, "a.png"], [3, "b.png"], [9, "c.png"]]
    assert (query.name, list(query.x), query.customdata[0][0]) == ("query", [1.0], 3)


def test_the_map_colors_by_a_class_with_a_trace_each(frame):
    figure = embedding_map(frame.drop(columns="selected"), color="label")
    assert [(trace.name, [row[0] for row in trace.customdata]) for trace in figure.data] == [("cat", [7]), ("dog", [9]), ("none", [3])]
    assert len({trace.marker.color for trace in figure.data}) == 3


def test_the_histogram_counts_pool_and_query_in_the_same_bins(frame):
    figure = score_histogram(frame, "total", heading="Priority")
    pool, query = figure.data
    assert (sum(pool.y), sum(query.y)) == (4, 1)
    assert list(pool.x) == list(query.x)
    assert query.x[list(query.y).index(1)] == pytest.approx(0.5, abs=0.0126)
    assert pool.x[0] - pool.width[0] / 2 == pytest.approx(0.25)
    assert pool.x[-1] + pool.width[-1] / 2 == pytest.approx(1.0)
    assert (pool.yaxis, query.yaxis) == (None, "y2")  # an axis each, one above the other
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]
    assert [(line.x0, line.x1) for line in figure.layout.shapes] == [(0.5, 0.5)]
    assert figure.layout.xaxis.title.text == "Priority"


def test_a_constant_score_and_one_that_is_not_finite_are_drawn():
    figure = score_histogram(pd.DataFrame({"entropy": [2.0, 2.0, np.inf, np.nan]}), "entropy")
    assert sum(figure.data[0].y) == 2


def test_the_curve_has_a_line_a_strategy_and_a_band_over_seeds():
    rounds = pd.DataFrame(
        {
            "strategy": ["mal", "mal", "mal", "random", "random"],
            "round": [1, 1, 2, 1, 2],
            "labeled": [50, 50, 70, 50, 70],
            "metric": ["accuracy"] * 5,
            "value": [0.4, 0.6, 0.8, 0.3, np.nan],
        }
    )
    band, mal, random = learning_curve(rounds).data
    assert (mal.name, list(mal.x), list(mal.y)) == ("mal", [50, 70], [pytest.approx(0.5), pytest.approx(0.8)])
    assert (random.name, list(random.x), list(random.y)) == ("random", [50], [0.3])
    std = np.std([0.4, 0.6], ddof=1)
    assert list(band.y) == pytest.approx([0.5 + std, 0.8, 0.8, 0.5 - std])
    assert (band.fill, band.showlegend) == ("toself", False)


def curve(metric: str, values: list[float]) -> go.Figure:
    rows = {"strategy": "mal", "round": range(len(values)), "labeled": [50 * (i + 1) for i in range(len(values))], "metric": metric}
    return learning_curve(pd.DataFrame(rows | {"value": values}))


@pytest.mark.parametrize(
    ("values", "span"),
    [([0.5], (0.45, 0.55)), ([0.98], (0.93, 1.0)), ([0.0], (0.0, 0.05)), ([0.2, 0.9], (0.13, 0.97)), ([0.0, 1.0], (0.0, 1.0))],
)
def test_the_axis_of_accuracy_lies_around_the_values_within_0_and_1(values: list[float], span: tuple[float, float]) -> None:
    figure = curve("accuracy", values)
    assert figure.layout.yaxis.range == pytest.approx(span)
    assert figure.layout.xaxis.range == pytest.approx((0, 1.05 * 50 * len(values)))


def test_the_axis_of_other_metrics_is_free() -> None:
    assert curve("loss", [2.0]).layout.yaxis.range == pytest.approx((1.8, 2.2))
    assert curve("loss", [0.0, 4.0]).layout.yaxis.range == pytest.approx((-0.4, 4.4))


def test_the_band_of_several_seeds_lies_on_the_axis() -> None:
    rows = pd.DataFrame({"strategy": "mal", "round": 1, "labeled": 50, "metric": "accuracy", "value": [0.4, 0.6]})
    std = np.std([0.4, 0.6], ddof=1)
    assert learning_curve(rows).layout.yaxis.range == pytest.approx((0.5 - std - 0.05, 0.5 + std + 0.05))


def test_a_project_has_one_curve_whose_points_say_who_asked():
    rounds = pd.DataFrame(
        {
            "strategy": ["Margin", "MAL", "MAL", "BALD"],
            "round": [2, 1, 3, 4],
            "labeled": [90, 50, 130, 130],
            "metric": "accuracy",
            "value": [0.6, 0.5, 0.8, 0.7],
            "asked_by": ["MAL", "first labels", "Margin", "Margin"],
        }
    )
    line, first, by_mal, by_margin = progress_curve(rounds, images=100).data
    assert (list(line.x), list(line.y), line.showlegend) == ([50, 90, 130, 130], [0.5, 0.6, 0.8, 0.7], False)
    assert [(trace.name, list(trace.x)) for trace in (first, by_mal, by_margin)] == [
        ("first labels", [50]),
        ("asked by MAL", [90]),
        ("asked by Margin", [130, 130]),
    ]
    assert len({(trace.marker.color, trace.marker.symbol) for trace in (first, by_mal, by_margin)}) == 3
    assert by_margin.hovertext[1] == "round 4, trained with BALD: 70.0 % with 130 labels, newest: Margin"
    # Wilson for 50 of 100: 0.4038 to 0.5962
    assert (first.error_y.array[0], first.error_y.arrayminus[0]) == pytest.approx((0.0962, 0.0962), abs=1e-4)
    assert progress_curve(rounds.assign(metric="mean_iou"), images=100).data[1].error_y.array is None
    assert progress_curve(rounds.assign(metric="mean_iou")).layout.yaxis.tickformat == ".1~%"
    assert progress_curve(rounds.assign(metric="loss")).layout.yaxis.tickformat == ""


def test_a_single_round_is_a_point_without_a_line():
    rounds = pd.DataFrame(
        {"strategy": ["MAL"], "round": [1], "labeled": [50], "metric": ["accuracy"], "value": [0.5], "asked_by": ["first labels"]}
    )
    assert [trace.mode for trace in progress_curve(rounds).data] == ["markers"]


def test_the_balance_shows_counts_beside_the_pools_share():
    labeled, pool = class_balance(pd.DataFrame({"class": ["a", "b"], "labeled": [6, 2], "pool": [100, 300]})).data
    assert (list(labeled.x), list(labeled.y)) == (["a", "b"], [6, 2])
    assert list(pool.y) == [2.0, 6.0]
    assert len(class_balance(pd.DataFrame({"class": ["a"], "labeled": [6]})).data) == 1


def test_the_balance_of_many_classes_is_sorted_and_leaves_its_names_to_hovering():
    frame = pd.DataFrame({"class": [f"class {i}" for i in range(200)], "labeled": range(200), "pool": [1] * 200})
    figure = class_balance(frame)
    labeled, pool = figure.data
    assert (list(labeled.x[:2]), list(labeled.y[:2]), labeled.y[-1]) == (["class 199", "class 198"], [199, 198], 0)
    assert list(pool.x[:2]) == ["class 199", "class 198"]
    assert figure.layout.xaxis.showticklabels is False
    assert figure.layout.xaxis.title.text == "200 classes, most labels first"


def test_long_class_names_are_shortened_on_the_axis_and_whole_when_hovered():
    figure = class_balance(pd.DataFrame({"class": ["hat", "a name longer than the axis has room"], "labeled": [1, 2]}))
    assert list(figure.layout.xaxis.ticktext) == ["hat", "a name longer than…"]
    assert list(figure.data[0].x) == ["hat", "a name longer than the axis has room"]


def test_losses_are_drawn_raw_and_smoothed_without_lag():
    history = pd.DataFrame({"step": [0, 1, 2], "task": [4.0, 2.0, np.nan], "note": ["a", "b", "c"]})
    raw, smooth = losses(history, smoothing=0.5).data
    assert list(raw.y)[:2] == [4.0, 2.0]
    assert list(smooth.y)[:2] == pytest.approx([4.0, (2.0 + 0.5 * 4.0) / 1.5])
    assert np.isnan(smooth.y[2])
    assert (raw.showlegend, smooth.name) == (False, "task")


@pytest.mark.parametrize(
    ("figure", "word"),
    [
        (lambda: embedding_map(pd.DataFrame()), "no map"),
        (lambda: embedding_map(pd.DataFrame({"id": [], "path": [], "x": [], "y": [], "total": []})), "train a round"),
        (lambda: embedding_map(pd.DataFrame({"id": [1], "path": ["a"], "x": [0.0], "y": [0.0]}), color="bald"), "bald"),
        (lambda: score_histogram(pd.DataFrame(), "entropy"), "entropy"),
        (lambda: score_histogram(pd.DataFrame({"entropy": []}), "entropy"), "train a round"),
        (lambda: learning_curve(pd.DataFrame()), "no curve"),
        (lambda: progress_curve(pd.DataFrame()), "no curve"),
        (lambda: learning_curve(pd.DataFrame({"strategy": [], "round": [], "labeled": [], "metric": [], "value": []})), "no curve"),
        (lambda: class_balance(pd.DataFrame()), "no classes"),
        (lambda: losses(pd.DataFrame()), "no losses"),
        (lambda: losses(pd.DataFrame({"step": [1]})), "no losses"),
    ],
)
def test_empty_frames_give_a_sentence(figure, word):
    assert word in sentence(figure())


def test_figures_bring_no_colors_of_their_own_for_text_and_ground(frame):
    for figure in (embedding_map(frame), score_histogram(frame, "total"), losses(pd.DataFrame())):
        assert (figure.layout.paper_bgcolor, figure.layout.plot_bgcolor) == ("rgba(0,0,0,0)", "rgba(0,0,0,0)")
        assert figure.layout.font.color is None


def test_a_strategy_keeps_its_color_while_others_are_still_to_come():
    rows = pd.DataFrame(
        {"strategy": ["b", "b"], "round": [1, 1], "labeled": [10, 10], "metric": ["accuracy"] * 2, "value": [0.5, 0.7], "seed": [0, 1]}
    )
    band, curve = learning_curve(rows, order=["a", "b"]).data
    assert (curve.name, curve.line.color, list(curve.y)) == ("b", PALETTE[1], [0.6])
    assert band.mode == "lines"  # no markers along the band


def test_differences_stand_around_zero_in_points_with_their_intervals():
    rows = pd.DataFrame({"strategy": ["b", "c"], "mean": [0.02, -0.01], "low": [0.01, np.nan], "high": [0.04, np.nan]})
    figure = differences(rows, "random", ["random", "b", "c"], "accuracy")
    below, above = figure.data  # the first strategy stands on top
    assert (above.name, list(above.x), list(above.y), above.marker.color) == ("b", [2.0], ["b"], PALETTE[1])
    assert (list(above.error_x.array), list(above.error_x.arrayminus)) == (pytest.approx([2.0]), pytest.approx([1.0]))
    assert (below.name, list(below.x), below.error_x.array) == ("c", [-1.0], None)
    assert figure.layout.xaxis.title.text == "difference to random, points"
    assert [(line.x0, line.x1) for line in figure.layout.shapes] == [(0, 0)]
    assert "no difference to random yet" in sentence(differences(rows.assign(mean=np.nan), "random", ["b", "c"], "accuracy"))


def test_images_of_bars_are_those_that_were_counted_there():
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(size=300), [np.nan, np.inf]])
    frame = pd.DataFrame({"total": values, "selected": rng.random(302) < 0.2})
    bars = score_histogram(frame, "total").data
    for curve in (0, 1):
        for at, count in enumerate(bars[curve].y):
            found = in_bars(frame, "total", [(curve, at)])
            low, high = bars[curve].customdata[at]
            assert found.sum() == count
            assert ((values[found] >= low) & (values[found] <= high)).all()
            assert not curve or frame["selected"][found].all()
    every = in_bars(frame, "total", [(0, at) for at in range(len(bars[0].y))])
    assert every.tolist() == np.isfinite(values).tolist()  # the highest stands in the last bar


def test_what_an_empty_chart_says_has_lines_that_a_telephone_has_room_for():
    lines = learning_curve(pd.DataFrame()).layout.annotations[0].text.split("<br>")
    assert " ".join(lines) == "no curve yet: it begins with the first round that has labeled test images"
    assert max(map(len, lines)) <= 36
