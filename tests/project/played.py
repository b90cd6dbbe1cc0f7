"""Projects that were played with, and what they hold."""

from __future__ import annotations

from alcore.project.facade import Project


def paths(project: Project) -> dict[str, int]:
    return {item.path: item.id for item in project.items.pool()}


def labeled_project(project: Project, n: int = 12) -> Project:
    project.label_from_truth(n, seed=1)
    return project
