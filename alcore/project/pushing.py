"""A project's labels out to the Hugging Face hub, as a data set there: only when somebody says so, private unless they say otherwise."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alcore.errors import BadInput, Unavailable
from alcore.naming import printable
from alcore.progress import Progress, Report, ignore_progress
from alcore.project import exporting
from alcore.project.stored import Stored

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
USUAL = "hf"  # Parquet with the images in it


def push(
    project: Stored,
    repository: str,
    format_name: str = "",
    splits: Sequence[str] = ("train", "val", "test"),
    public: bool = False,
    report: Report = ignore_progress,
) -> Mapping[str, Any]:
    """Writes an export and uploads it as one commit of a data set there, which is made if it is not there; other files in it stay.

    Args:
        repository: OWNER/NAME.
        format_name: of exporting.export; "" for Parquet with the images.
        public: everybody may read a data set that is made; one that is there stays as it is.

    Returns:
        repository, address, commit, and what the export says, but for its place.

    Raises:
        BadInput: the name cannot be one, the package or the token is missing, the hub refuses, or the export cannot be written.
        Unavailable: the hub cannot be reached.
    """
    if not NAME.fullmatch(repository) or ".." in repository:
        raise BadInput(f"{repository[:80]!r} cannot be a data set's name there: write OWNER/NAME")
    try:
        import huggingface_hub as hub
    except ImportError:
        raise BadInput("pushing needs the package huggingface_hub: pip install huggingface_hub") from None
    token = hub.get_token()
    if not token:
        raise BadInput("there is no token for the hub: run `hf auth login` once, or set HF_TOKEN to one that may write")
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token)
    with tempfile.TemporaryDirectory(dir=project.folder, prefix="tmp") as folder:
        out = Path(folder) / "export"
        report(Progress("writing", 0, 0))
        told = exporting.export(project, format_name or USUAL, out, splits)
        if out.is_file():  # a table
            (Path(folder) / "table").mkdir()
            out = out.rename(Path(folder) / "table" / f"labels.{format_name}").parent
        report(Progress("uploading", 0, 0))
        try:
            api.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
            commit = api.upload_folder(
                repo_id=repository, repo_type="dataset", folder_path=out, commit_message=f"{told['items']:,} images, by alcore"
            )
        except Exception as wrong:  # errors of the client and of what is below it have no base in common
            raise _told(wrong, repository) from wrong
    kept = {name: value for name, value in told.items() if name != "out"}
    return {"repository": repository, "address": f"{api.endpoint}/datasets/{repository}", "commit": commit.oid, **kept}


def _told(wrong: Exception, repository: str) -> BadInput | Unavailable:
    """What went wrong, in words; the client's own may hold what is nobody's business."""
    status = getattr(getattr(wrong, "response", None), "status_code", None)
    if status in (401, 403):
        return BadInput(f"the hub does not let this token write to {repository} ({status}): take one that may, or another name")
    if status is not None and status < 500:
        return BadInput(f"the hub refuses {repository} ({status}): look at the name, and at what is there")
    return Unavailable(f"the hub cannot be reached ({printable(type(wrong).__name__)}): try again, nothing here was changed")
