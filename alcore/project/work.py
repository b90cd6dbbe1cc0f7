"""The kinds of background job: importing and rounds, from a job's JSON arguments. Knows projects; knows no thread and no page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alcore.errors import disk_full_told
from alcore.files import at_work
from alcore.jobs.contract import JobKind
from alcore.types import Job, Report

if TYPE_CHECKING:
    from alcore.project.workspace import Workspace


def kinds(workspace: Workspace) -> dict[str, JobKind]:
    """name -> what runs it."""
    from alcore.project.facade import Project

    def import_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        arguments = dict(job.arguments)
        if arguments.pop("again", False):
            project = workspace.project(job.project)
            return project.refresh(report=report, levels=arguments.get("levels"))
        source = arguments.pop("source")
        project = Project.import_into(workspace, job.project, Path(source), report=report, **arguments)
        return project.import_summary()

    def round_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        project = workspace.project(job.project)
        with at_work(project.folder), disk_full_told(project.folder, "the round"):  # its checkpoint, its frozen pool, its losses
            done = project.perform_round(job.arguments, project.job_folder(job.id), report)
        return {
            "round": done.number,
            "metrics": dict(done.metrics),
            "seconds": dict(done.seconds),
            "labeled": done.labeled,
            "query": len(done.query),
        }

    return {"import": import_job, "round": round_job}
