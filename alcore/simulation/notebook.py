"""An experiment as a notebook that makes it again. Plain JSON: nothing of Jupyter is imported."""

from __future__ import annotations

import json
from typing import Any

from alcore.simulation.asking import Asked


def notebook_of(asked: Asked, name: str) -> str:
    """The text of an .ipynb that makes the experiment in a folder beside itself, and shows what it says.

    Args:
        name: of the experiment: the title, and the folder.
    """
    arguments = "".join(f"    {key}={value!r},\n" for key, value in asked.stored().items())
    cells = [
        _markdown(
            f"# {name}\n\nThe same on the command line:\n\n```\n{asked.command(name)}\n```\n\n"
            "Run again, it does only what is missing in the folder."
        ),
        _code(
            f"import alcore\nfrom alcore.simulation.comparison import compare\n\n"
            f"frame = alcore.simulate(\n{arguments}    out={name!r},\n)\nframe"
        ),
        _markdown("Means over seeds, with a band of one standard deviation."),
        _code("alcore.figures.learning_curve(frame)"),
        _markdown("The difference to random in the mean over the curve, paired by seed, with its 95 % interval (none with one seed)."),
        _code(
            "summary = compare(frame)\n"
            "differences = {name: found['difference']['area'] for name, found in summary['strategies'].items() if found['difference']}\n"
            "for name, found in differences.items():\n"
            "    print(name, found['mean'], found['low'], found['high'], f\"n = {found['n']}\")\n"
            "summary['labels_to_target']"
        ),
    ]  # fmt: skip
    for at, cell in enumerate(cells):
        cell["id"] = f"cell-{at}"
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": text.splitlines(keepends=True), "execution_count": None, "outputs": []}
