"""What a notebook is given of a value."""

from __future__ import annotations

import subprocess
import sys

from alcore.showing import as_html
from tests.house import ROOT


def test_of_what_nobody_has_said_anything_the_text_is_taken():
    assert as_html(3) is None


def test_a_job_of_the_ground_alone_has_no_html_and_asking_for_it_imports_nothing():
    code = (
        "import sys; from alcore.types import Job; from alcore.progress import Progress\n"
        "job = Job(1, 'round', 'toy', 'Margin', {}, 'cpu', 'queued', Progress('waiting', 0, 0), 0.0)\n"
        "print(job._repr_html_(), sorted({'pandas', 'plotly', 'torch', 'sqlalchemy'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "None []\n"), ended.stderr
