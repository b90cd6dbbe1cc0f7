"""Train: choose a strategy and its parameters, start a round, watch it live, cancel or resume it."""

from __future__ import annotations

import dataclasses
from typing import Any

import streamlit as st

from alcore.nets.tasks import FEATURES, TASKS, train_params
from alcore.params import TrainParams, title_of, words_for
from alcore.project import features, labeling, live, loop, predictions
from alcore.project.advice import advise, usual_query
from alcore.project.facade import Project
from alcore.strategies import STRATEGIES
from alcore.teaching.methods import from_docstring
from alcore.training.devices import device_list
from pages.ui.components.proposals import proposals
from pages.ui.forecasting import forecast_line
from pages.ui.forms import in_titles, params_form, titled
from pages.ui.jobs import past, running, watch
from pages.ui.session import FORM_WIDTH, METHOD, asked_method, header, open_images, plain_errors, plural, project, token


def main() -> None:
    header("Train", "One round: train on the labels, test, score the pool, query the next images. It runs in the background.")
    of = project()
    jobs = running("round", of=of)
    with st.container():  # always there: what comes and goes above must not fold what is open below
        for job in [*running("features", of=of), *jobs]:
            watch(job, of)
        _ended(of, [j.id for j in jobs])
        ready = st.session_state.get(f"ready.{of.id}")
        if ready is not None and of.round().number == ready:
            _ready(ready, labeling.waiting(of))
    counts = of.counts()
    with st.container():
        if not counts["labeled"] and of.newest_round() is None:
            _first_query(of, counts)
    learns = live.settings(of).on and not of.dense
    with st.container():
        if learns and of.newest_round() is not None:
            _live(of, counts, bool(jobs))
        elif counts["labeled"]:  # before that, the first query is what to start with
            with st.container(border=True):
                _recommended(of, counts, bool(jobs))
    for sentence in of.workspace.look_for_strategies():
        st.warning(f"A strategy of your own is missing: {sentence}", icon=":material/warning:")
    by_link = asked_method([name for name, kind in STRATEGIES.items() if of.task in kind.tasks], "strategy")
    with st.expander("Choose yourself", by_link, icon=":material/tune:", key=f"choose.{of.id}"):
        _new_round(of, counts, bool(jobs))
    if predictions.newest_model(of) is not None:
        with st.expander("Compare what others would ask", icon=":material/compare:", key=f"compare.{of.id}"):
            _compare(of, counts)
    st.subheader("Past jobs", anchor=False)
    past(of)


def _compare(of: Project, counts: dict[str, Any]) -> None:
    """What each method would ask for by the newest round's look; one click takes one of them as the query."""
    left = open_images(counts)
    if obstacle := _obstacle(counts):
        st.write(obstacle)
        return
    taken = proposals(project=of.name, token=token(of), size=usual_query(of.dense, left), open_images=left, key=f"proposals.{of.id}")
    if taken is not None:
        st.switch_page("label.py")


def _ended(of: Project, ids: list[int]) -> None:
    """Notes what ended since this session last looked: the round that is ready, or says what went wrong."""
    key = f"watched.{of.id}"
    before = st.session_state.get(key, [])
    st.session_state[key] = ids
    for job in [of.workspace.runner.snapshot(i) for i in before if i not in ids]:
        if job.state == "done":
            st.session_state[f"ready.{of.id}"] = int((job.result or {})["round"])
        elif job.state == "failed":
            st.error(in_titles(str(job.error)), icon=":material/error:")


def _ready(number: int, waiting: int) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        if not waiting:
            st.markdown(
                f":green[:material/check_circle:] **Round {number} is ready**, and all it asked for is labeled: start the next one."
            )
            return
        st.markdown(f":green[:material/check_circle:] **Round {number} is ready**: {plural(waiting, 'image')} to label.")
        st.space("stretch")
        if st.button("Label the query", type="primary", icon=":material/sell:"):
            st.switch_page("label.py")


def _live(of: Project, counts: dict[str, Any], busy: bool) -> None:
    """In the place of a form: the project learns by itself."""
    chosen, told = live.settings(of), live.state(of) or {}
    learned = f"learned from {plural(told['learned'], 'label')}" if told.get("learned") else f"first after {chosen.every} labels"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/autorenew: **Learning as you label**: {'; '.join(filter(None, [learned, told.get('accuracy')]))}.")
        st.space("stretch")
        if not busy and not _obstacle(counts) and st.button("Learn now", icon=":material/play_arrow:"):
            advice = advise(of.dense, open_images(counts), loop.defaults(of).get("architecture", ""))
            _submit(of, advice.strategy, advice.query_size, len(of.rounds()), device_list()[0][0], {}, {})
        with st.popover("Change", icon=":material/tune:"):
            every = st.number_input("Labels between two rounds", 1, live.MOST, chosen.every, key=f"every.{of.id}")
            on = st.toggle("Learn while labeling", True, key=f"learn.{of.id}")
            if st.button("Save", type="primary"):
                with plain_errors():
                    live.choose(of, on, int(every))
                    st.rerun()


def _first_query(of: Project, counts: dict[str, Any]) -> None:
    pool = max(1, counts["splits"].get("pool", 0))
    usual = usual_query(of.dense, pool)
    with st.container(border=True, gap="xsmall"):
        st.subheader("Nothing is labeled yet", anchor=False)
        st.write("A model needs a few labels first. Ask for some images without one, label them, then train.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            size = st.number_input("Images", 1, pool, usual, width=140)
            ways = features.ways_to_start(of, usual)
            how = st.segmented_control(
                "Chosen", list(ways), default=next(iter(ways)), required=True, format_func=ways.__getitem__, help=features.WAYS_HELP
            )
            if st.button("Ask for these", type="primary", icon=":material/sell:"):
                with plain_errors():
                    of.start(int(size), how or "random", seed=0)
                    st.switch_page("label.py")
            known = min(usual, sum(counts["truth"].get("pool", {}).values()))
            if known and st.button(
                f"Label {known} from the hidden truth",
                icon=":material/visibility_off:",
                help="For demos: the labels that came with the data answer.",
            ):
                with plain_errors():
                    of.label_from_truth(known, seed=0)
                    st.rerun()


def _recommended(of: Project, counts: dict[str, Any], busy: bool) -> None:
    """A round for whoever does not want to choose: what it does, why, one button."""
    if obstacle := _obstacle(counts):
        st.subheader("No round to start", anchor=False)
        st.write(obstacle)
        return
    advice = advise(of.dense, open_images(counts), loop.defaults(of).get("architecture", ""))
    st.subheader("Start with this", anchor=False)
    st.markdown(
        f"**{advice.title}, {plural(advice.query_size, 'image')}.** Trains on {plural(counts['labeled'], 'label')} and then asks for the "
        f"{plural(advice.query_size, 'image')} it would learn most from. Why {advice.title}: {advice.why}.",
        width=FORM_WIDTH,
    )
    device = device_list()[0][0]
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Queue this" if busy else "Start this", type="primary", icon=":material/play_arrow:")
        if pressed:
            _submit(of, advice.strategy, advice.query_size, len(of.rounds()), device, {}, {})
        forecast_line(of, advice.strategy, advice.query_size, device, {}, {})
    st.caption("It runs in the background. Labels given while it runs count for the next round.")


def _obstacle(counts: dict[str, Any]) -> str:
    """Why no round can start; "" when one can."""
    if not counts["labeled"]:
        return "Label some images first."
    if not open_images(counts):
        return "Every image of the pool is labeled or skipped: nothing is left to ask for. The Data page, under Manage, has the labels."
    return ""


def _submit(of: Project, name: str, size: int, seed: int, device: str, params: dict[str, Any], train: dict[str, Any]) -> None:
    with plain_errors():
        job = of.submit_round(name, size, seed, device, params, train)
        st.session_state.setdefault(f"watched.{of.id}", []).append(job.id)  # it may be over before the page looks again
        st.rerun()


def _new_round(of: Project, counts: dict[str, Any], busy: bool) -> None:
    name = (
        st.segmented_control(
            "Strategy",
            [name for name, kind in STRATEGIES.items() if of.task in kind.tasks],
            default=None if "strategy" in st.session_state else "mal",
            required=True,
            format_func=lambda s: STRATEGIES[s].title,
            key="strategy",
            persist_state="session",
        )
        or "mal"
    )
    strategy = STRATEGIES[name]
    st.caption(f"{strategy.idea or from_docstring(strategy)} ({strategy.paper})")
    st.page_link("methods.py", label=f"What {strategy.title} does", icon=":material/menu_book:", query_params={METHOD: name})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        left = max(1, open_images(counts))
        size = st.number_input(
            "Query size",
            1,
            100_000,
            usual_query(of.dense, left),
            width=140,
            help="How many images to ask for, or how many regions when the query is of tiles or superpixels.",
            key=f"query_size.{of.id}",
            persist_state="session",
        )
        seed = st.number_input(
            "Seed", 0, 2**31, len(of.rounds()), width=120, help="The same seed, labels and parameters give the same round."
        )
        device = st.selectbox("Device", device_list(), width=200, format_func=lambda d: d[1], key="device")[0]
        obstacle = _obstacle(counts)
        start = st.button("Queue it" if busy else "Start", icon=":material/play_arrow:", disabled=bool(obstacle), help=obstacle or None)
    network = _network(of)
    usual = loop.defaults(of, {"architecture": network})
    words = st.empty()
    time_line = st.container()
    settled = train_params(of.task, usual)
    if remark := strategy.remark(settled):
        st.caption(remark)
    params, own = {}, strategy.defaults(settled)
    with st.container(gap=4):
        if dataclasses.fields(strategy.Params):
            with st.expander(f"{strategy.title}: parameters", type="compact"):
                params = params_form(strategy.Params, f"{name}.{of.id}.{network}", own)
        with st.expander("Training: parameters", type="compact"):
            train = params_form(TrainParams, f"train.{of.id}.{network}", usual, left_out=_meaningless(of, network))
            if network != loop.defaults(of).get("architecture", TrainParams.architecture):
                train["architecture"] = network
        if strategy.differences:
            with st.expander("How this differs from the paper", type="compact"):
                st.markdown("\n".join(f"- {titled(d, strategy.Params)}" for d in strategy.differences))
    words.caption(obstacle or _plan(counts, strategy.Params, params, train, {**usual, **own}))
    if start:
        _submit(of, name, int(size), int(seed), device, params, train)
    if not obstacle:
        with time_line:
            forecast_line(of, name, int(size), device, params, train)


def _network(of: Project) -> str:
    """The network that is chosen; what else there is to choose depends on it."""
    spec = next(f for f in dataclasses.fields(TrainParams) if f.name == "architecture")
    options = list(TASKS[of.task].architectures)
    return st.selectbox(
        title_of(spec),
        options,
        index=options.index(loop.defaults(of).get("architecture", spec.default)),
        format_func=lambda name: words_for(spec, name),
        width=320,
        help=f"{spec.metadata['help']}\n\nCalled `architecture` on the command line. Source: {spec.metadata['source']}",
        key=f"network.{of.id}",
        persist_state="session",
    )


def _meaningless(of: Project, network: str) -> tuple[str, ...]:
    """Parameters of training that change nothing with this network."""
    regions = () if of.dense else ("query_unit", "region_count")
    if network == FEATURES:
        return ("architecture", *regions, "weights", "flip", "crop", "rotation", "compile")
    return ("architecture", *regions, "extractor")


def _plan(counts: dict[str, Any], kind_of_params: type, params: dict[str, Any], train: dict[str, Any], usual: dict[str, Any]) -> str:
    """What a start would do, with the parameters that were changed: the forms that hold them are folded. `usual` are their values here."""
    given: list[tuple[type, str, Any]] = [(kind_of_params, name, value) for name, value in params.items()]
    given += [(TrainParams, name, value) for name, value in train.items()]
    changed = []
    for kind, name, value in given:
        if name in usual and value == usual[name]:
            continue
        spec = next(f for f in dataclasses.fields(kind) if f.name == name)
        changed.append(f"{title_of(spec)} {words_for(spec, value)}")
    return f"Trains on {plural(counts['labeled'], 'label')}{', with ' if changed else ''}{', '.join(changed)}."


main()
