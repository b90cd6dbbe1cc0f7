"""What may be wrong with a stored project, and how it is mended. Knows no page and no route."""

from __future__ import annotations

from pathlib import Path

from alcore.project import leftovers, past
from alcore.project.features import outdated
from alcore.project.place import Place
from alcore.project.stored import Stored
from alcore.uploads import abandoned
from alcore.uploads.names import amount
from alcore.uploads.roots import UPLOADS
from alcore.uploads.tables import TABLES

NAMED = 10  # uploads that are named
MOST_JOBS = 2_000  # the newest jobs, among which one is looked for that reads a table


def findings(project: Stored, rebuild: bool = False) -> list[str]:
    """What is wrong with a project and what killed work left in it, one sentence each; with `rebuild` what can be mended is."""
    return [*examine(project, rebuild), *leftover_words(project.place, project, rebuild)]


def examine(project: Stored, rebuild: bool) -> list[str]:
    """Findings, one sentence each, and none when all is well.

    With `rebuild`, current labels are derived anew from the journal.
    """
    findings = []
    if rebuild:
        changed = project.journal.rebuild()
        findings += [f"{project.name}: {changed} current labels differed from the journal and were rebuilt"] if changed else []
    elif wrong := project.journal.differences():
        findings.append(
            f"{project.name}: {wrong} current labels do not follow from the journal: run `doctor --project {project.name} --rebuild`"
        )
    if not (project.folder / project.settings["packed"]).is_file():
        findings.append(f"{project.name}: the packed images are gone: import the source again on the Data page")
    if gone := project.masks.missing():
        cure = f"bring back {project.folder / 'masks'}; `import --again` restores those of the source"
        findings.append(f"{project.name}: the files of {len(gone)} masks are gone or damaged, first {gone[0]}: {cure}")
    if other := project.masks.misfits():
        first = next(iter(other.values()))
        told = f"the masks of {len(other)} images have another size than the images, which were replaced since, first {first!r}"
        findings.append(f"{project.name}: {told}: paint them again, or bring the images back and import again")
    folder = project.folder / "rounds"
    kept = {r.folder: r.number for r in project.rounds() if r.folder}
    findings += [f"{project.name}: the files of round {number} are gone" for name, number in kept.items() if not (folder / name).is_dir()]
    unlike = [str(r.number) for r in project.rounds() if r.event is not None and not past.past(project, r).as_noted]
    if unlike:
        findings.append(f"{project.name}: the journal gives other labels than round {', '.join(unlike)} noted when it began")
    for left, why in outdated(project):
        size = sum(file.stat().st_size for file in left.iterdir() if file.is_file()) / 1e6
        findings.append(f"{project.name}: the features in {left} ({size:,.1f} MB) are not used: {why}. Delete that folder, or keep it")
    return findings


def leftover_words(place: Place, project: Stored | None, rebuild: bool, older_than: float = leftovers.OLD) -> list[str]:
    """What killed work left in the workspace, or in one project, with its size: one sentence, or none. With `rebuild` it is removed."""
    if rebuild:
        removed = leftovers.collect(place, project, older_than)
        return [f"{leftovers.told(removed)}: removed"] if removed else []
    found = leftovers.find(place, project, older_than)
    return [f"{leftovers.told(found)}: `doctor --rebuild` removes them"] if found else []


def upload_words(place: Place, rebuild: bool, older_than: float = abandoned.WEEK) -> list[str]:
    """Uploads that nobody went on with for a week, a sentence each, and what they take in all. With `rebuild` they are removed."""
    found = [one for one in abandoned.find(place.home, older_than) if not _at_work(place, one)]
    if not found:
        return []
    if rebuild:
        for one in found:
            abandoned.remove(place.home, one)
    told = [one.words() for one in found[:NAMED]]
    told += [f"uploads: {len(found) - NAMED:,} more"] if len(found) > NAMED else []
    size = amount(sum(one.size for one in found))
    cure = "removed" if rebuild else "go on with them on the Data page, or `doctor --rebuild` removes them"
    return [*told, f"uploads: what nobody went on with takes {size}: {cure}"]


def _at_work(place: Place, one: abandoned.Abandoned) -> bool:
    """Whether a job of an upload has not ended; or one whose import reads a table, which may be resumed."""
    if one.path.parent.name == TABLES:
        jobs = place.job_rows.jobs(limit=MOST_JOBS)
        named = [Path(str(job.arguments.get("metadata") or "")) for job in jobs if not job.over or job.state == "interrupted"]
        return any(one.path in file.parents for file in named)
    return any(not job.over for job in place.job_rows.jobs(f"{UPLOADS}/{one.name}"))


def uploads_take(place: Place) -> str:
    """The space of all uploads, as people read it."""
    return amount(abandoned.used(place.home))
