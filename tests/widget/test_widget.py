"""The room's door: what it gives, and what it says where anywidget is missing."""

from __future__ import annotations

import subprocess
import sys

import alcore
from tests.house import ROOT


def test_it_is_reached_by_its_name_alone_and_loads_nothing_before_it_is_asked():
    code = "import sys, alcore; print(alcore.widget.__all__, {'torch', 'anywidget', 'starlette'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "['labeler', 'map', 'mask_editor'] set()\n"), ended.stderr


def test_it_makes_the_widget_that_its_name_says(project):
    project.start(5, seed=0)
    made = alcore.widget.labeler(project)
    assert (type(made).__name__, made.annotator, made._data["height"], made._data["mode"]) == ("Labeler", "notebook", 560, "single")
    made.close()


def test_without_anywidget_all_else_works_and_the_cure_is_told():
    code = """
import sys
for name in ("anywidget", "ipywidgets", "traitlets"):
    sys.modules[name] = None
import alcore
import alcore.cli.main, alcore.project.facade, alcore.training.train, alcore.web.routes
try:
    alcore.widget.labeler(None)
except alcore.AlcoreError as told:
    print(told)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    told = "a widget needs the package anywidget: pip install anywidget, start the kernel anew and reload the page\n"
    assert (ended.returncode, ended.stdout) == (0, told), ended.stderr
