"""Background work on a page: a job's progress with ETA and cancel, polled while it runs, and the list of earlier ones."""

from __future__ import annotations

import itertools
import time
from datetime import datetime

import pandas as pd
import streamlit as st

from alcore import figures
from alcore.accounts.roles import Role
from alcore.jobs.runner import WAITING
from alcore.metrics import title
from alcore.progress import duration
from alcore.project.facade import Project
from alcore.types import Job
from pages.ui.session import may, plain_errors, workspace

NUMBER_WIDTH = 150
PLAIN_CHART = {"displayModeBar": False}
STAGES = {"waiting": "getting ready"}  # of a job that runs
STATES = {"queued": "gray", "running": "blue", "done": "green", "failed": "red", "cancelled": "orange", "interrupted": "orange"}


def share_of(job: Job) -> float:
    """How much of a running job is done, 0...1: of all its stages, or of the running one where another process runs it."""
    known = workspace().runner.fraction(job)
    if known is not None:
        return known
    return min(1.0, job.progress.done / job.progress.total) if job.progress.total else 0.0


def waiting_words(job: Job) -> str:
    """Why a queued job does not run yet: a job of another process may have its device."""
    if job.progress.stage.startswith(WAITING):
        return f"{job.progress.stage.capitalize()}: {job.progress.message}."
    return "Waiting for its turn: one job at a time runs on a device."


def watch(job: Job, of: Project | None = None) -> None:
    """Shows a job that is not over, live; when it ends the whole page runs again."""

    @st.fragment(run_every=1.0)
    def live() -> None:
        now = workspace().runner.snapshot(job.id)
        if now.over:
            st.rerun()
        _show(now, of)

    live()


def _show(job: Job, of: Project | None) -> None:
    runner, progress = workspace().runner, job.progress
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{job.title}**")
            st.badge("stopping" if job.cancel else job.state, color="orange" if job.cancel else STATES[job.state])  # type: ignore[arg-type]
            st.space("stretch")
            if may(Role.OWNER):
                st.button(
                    "Cancel",
                    key=f"cancel.{job.id}",
                    icon=":material/stop_circle:",
                    disabled=job.cancel,
                    on_click=runner.cancel,
                    args=(job.id,),
                )
        if job.state == "queued":
            st.caption(waiting_words(job))
            return
        share, eta = share_of(job), runner.eta_seconds(job)
        words = [STAGES.get(progress.stage, progress.stage), f"{progress.done:,} of {progress.total:,}" if progress.total else ""]
        words += [f"about {duration(eta)} left" if eta is not None else ""]
        st.progress(share, text=" · ".join(w for w in words if w))
        if progress.message:
            st.info(progress.message)
        _numbers(job)
        if of is not None and job.kind == "round":
            _losses(of, job)


def _numbers(job: Job) -> None:
    values = dict(job.progress.values)
    shown = {"Running for": duration(job.spent + time.time() - job.started)} if job.started else {}
    if "images_per_second" in values:
        shown["Images a second"] = f"{values.pop('images_per_second'):,.0f}"
    if "device_memory" in values:
        shown["Device memory"] = f"{values.pop('device_memory') / 2**30:.2f} GB"
    shown |= {name.replace("_", " ").capitalize(): f"{value:.3g}" for name, value in values.items()}
    with st.container(horizontal=True):
        for name, text in shown.items():
            st.metric(name, text, width=NUMBER_WIDTH)  # fixed: what changes each second must not push its neighbors


def _losses(of: Project, job: Job) -> None:
    history = of.history(job.id)
    wide = history.pivot_table(index="step", columns="name", values="value", sort=False).reset_index()
    wide = wide.rename(columns=lambda name: str(name).replace("_", " ") if name != "step" else name)
    st.plotly_chart(figures.losses(wide), key=f"losses.{job.id}", height=260, config=PLAIN_CHART)


def running(*kinds: str, of: Project | None = None) -> list[Job]:
    """Jobs of these kinds, or of any, that are not over, oldest first."""
    jobs = workspace().runner.jobs(of.name if of else None)
    return [j for j in reversed(jobs) if not j.over and (not kinds or j.kind in kinds)]


def past(of: Project, kind: str = "round") -> None:
    """A table of earlier jobs, with resume for those that did not end, and the log of the newest."""
    runner = workspace().runner
    jobs = [j for j in runner.jobs(of.name) if j.over and j.kind == kind][:20]
    if not jobs:
        st.caption("No jobs yet.")
        return
    unfinished = itertools.takewhile(lambda job: job.state != "done", jobs)  # what a later round has made up for needs no button
    for job in itertools.islice(unfinished, 3):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.badge(job.state, color=STATES[job.state])  # type: ignore[arg-type]
            st.markdown(f"**{job.title}**, job {job.id}: {job.error or _where(job)}")
            st.space("stretch")
            if st.button("Resume", key=f"resume.{job.id}", icon=":material/play_arrow:", help="Goes on from its last checkpoint."):
                with plain_errors():
                    runner.resume(job.id)
                    st.rerun()
    metric = title(of.metric, start=False)
    frame = pd.DataFrame(
        {
            "job": [j.id for j in jobs],
            "what": [j.title for j in jobs],
            "state": [j.state for j in jobs],
            "round": [(j.result or {}).get("round") for j in jobs],
            metric: [None if (value := _measured(j, of.metric)) is None else 100 * value for j in jobs],
            "took": [duration(j.took) if j.took else None for j in jobs],
            "when": [datetime.fromtimestamp(j.created) for j in jobs],
            "device": [j.device for j in jobs],
        }
    )
    columns = {
        metric: st.column_config.NumberColumn(format="%.1f %%"),
        "when": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
        "job": st.column_config.NumberColumn(width="small"),
        "round": st.column_config.NumberColumn(width="small"),
    }
    st.dataframe(frame, hide_index=True, column_config=columns, placeholder="–")
    with st.expander(f"Log of job {jobs[0].id}", type="compact"):
        st.code("\n".join(runner.log(jobs[0].id)[-200:]) or "empty", language=None)


def _measured(job: Job, metric: str) -> float | None:
    """What a round job measured at its end."""
    return ((job.result or {}).get("metrics") or {}).get(metric)


def _where(job: Job) -> str:
    done = f" at {job.progress.done:,} of {job.progress.total:,}" if job.progress.total else ""
    return f"stopped in {job.progress.stage}{done}"
