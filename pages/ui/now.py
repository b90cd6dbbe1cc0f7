"""What is running, in the sidebar of every page: one line a job, polled while there is one."""

from __future__ import annotations

import streamlit as st

from alcore.progress import duration
from pages.ui.jobs import running, share_of
from pages.ui.session import workspace

POLL = 3.0  # seconds; the Train page looks every second


def sidebar_jobs() -> None:
    """Draws the jobs that are not over; call it inside the sidebar. Nothing is polled while nothing runs."""
    st.fragment(_jobs, run_every=POLL if running() else None)()


def _jobs() -> None:
    runner = workspace().runner
    for job in running():
        progress = job.progress
        eta = runner.eta_seconds(job)
        words = (
            "waiting for the device" if job.state == "queued" else progress.stage + (f", {duration(eta)} left" if eta is not None else "")
        )
        st.progress(share_of(job), text=f"**{job.project}**: {words}")
