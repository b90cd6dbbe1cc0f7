"""Files that a page names in a setting: only those that pages may read, wherever the setting stands."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.importing.samples import bundled_digits
from alcore.project import background, confined
from alcore.project.facade import Workspace
from alcore.project.loop import drafted
from alcore.uploads.roots import VARIABLE

REFUSED = "lies outside the folders that this server may read"


@pytest.fixture
def places(project, tmp_path, monkeypatch):
    """What pages may read: `data`, and `models` of the workspace. A file in each, and one elsewhere."""
    for name in ("data/net.pt", "home/models/net.pt", "secret/net.pt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"not a network")
    (tmp_path / "home" / "models" / "link.pt").symlink_to(tmp_path / "secret" / "net.pt")
    (tmp_path / "data" / "link.pt").symlink_to(tmp_path / "secret" / "net.pt")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "data"))
    return tmp_path


OUTSIDE = ["{at}/secret/net.pt", "{at}/secret/none.pt", "{at}/data/../secret/net.pt", "{at}/data/link.pt", "{at}/home/models/link.pt"]
OUTSIDE += [
    "../../secret/net.pt",
    "link.pt",
    "~/net.pt",
    "/etc/passwd",
    "/proc/self/environ",
    "{at}/home/alcore.db",
    "{at}/home/token",
    "net\0.pt",
]
INSIDE = ["{at}/data/net.pt", "{at}/data/none.pt", "{at}/home/models/net.pt", "net.pt", "none.pt"]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("setting", ["weights={}", "extractor=onnx:{}"])
def test_what_lies_outside_is_refused_in_the_same_words_by_every_way_in(places, project, workspace, path, setting):
    name, _, value = setting.format(path.format(at=places)).partition("=")
    said = set()
    ways = {
        "a round": lambda: project.submit_round("random", 5, train={name: value}),
        "a setting of the strategy's": lambda: project.submit_round("random", 5, params={name: value}),
        "a simulation": lambda: background.submit_simulation(workspace.runner, workspace, "s", ["d", "--set", f"{name}={value}"], {}, 1),
        "one strategy of it": lambda: background.submit_simulation(
            workspace.runner, workspace, "s", ["d", "--strategies", "mal", "--set", f"mal.{name}={value}"], {}, 1
        ),
        "a variant of it": lambda: background.submit_simulation(
            workspace.runner, workspace, "s", ["d", "--strategies", f"random,mal:heads=2+{name}={value}"], {}, 1
        ),
        "a setting in one word": lambda: background.submit_simulation(
            workspace.runner, workspace, "s", ["d", f"--set={name}={value}"], {}, 1
        ),
        "a variant in one word": lambda: background.submit_simulation(
            workspace.runner, workspace, "s", ["d", f"--strategies=random,mal:{name}={value}"], {}, 1
        ),
        "an option cut short": lambda: background.submit_simulation(
            workspace.runner, workspace, "s", ["d", "--st", f"mal:{name}={value}"], {}, 1
        ),
        **({"features": lambda: background.submit_features(workspace.runner, project, value)} if name == "extractor" else {}),
    }
    for ask in ways.values():
        with pytest.raises(BadInput) as told:
            ask()
        said.add(str(told.value))
    assert len(said) == 1
    assert REFUSED in said.copy().pop() or "cannot be a path" in said.pop()
    assert workspace.runner.jobs() == []


def test_a_forecast_times_nothing_of_it(places, project, workspace):
    order = drafted(project, "random", 5, 0, "cpu", {}, {"weights": str(places / "secret" / "net.pt")})
    refused = workspace.forecasts.look(project, order)
    assert isinstance(refused, BadInput)
    assert REFUSED in str(refused)


@pytest.mark.parametrize("path", INSIDE)
def test_what_lies_inside_or_among_the_models_is_taken(places, workspace, path):
    for values in ({"weights": path.format(at=places)}, {"extractor": f"onnx:{path.format(at=places)}"}):
        confined.check_settings(workspace, values)


@pytest.mark.parametrize(
    "values",
    [{}, {"weights": "none"}, {"weights": "imagenet"}, {"weights": "lite0"}, {"extractor": "timm:vit"}, {"steps": 3, "nobody": "/etc"}],
)
def test_what_names_no_file_passes(places, workspace, values):
    confined.check_settings(workspace, values)


def test_an_import_reads_no_more_than_its_preview(places, workspace):
    (places / "data" / "table.csv").write_text("path,age\n")
    for options in (
        {"source": str(places / "secret")},
        {"source": str(places / "data"), "metadata": str(places / "secret" / "net.pt")},
        {"source": str(bundled_digits().parent / ".." / "alcore")},
        {"source": f"{bundled_digits().parent}/.."},
        {"source": f"{bundled_digits().parent}/digits/../.."},
        {"source": f"{bundled_digits().parent}/."},
    ):
        with pytest.raises(BadInput, match=REFUSED):
            background.submit_import(workspace.runner, workspace, "new", options)
    confined.check_import(workspace, {"source": str(places / "data"), "metadata": str(places / "data" / "table.csv")})
    confined.check_import(workspace, {"source": str(bundled_digits()), "metadata": ""})


def test_where_every_folder_may_be_read_every_file_may(places, workspace, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    confined.check_settings(workspace, {"weights": str(places / "secret" / "net.pt")})
    confined.check_words(workspace, ["d", "--set", "weights=/etc/passwd"])


def test_models_may_lie_elsewhere(places, workspace: Workspace, monkeypatch):
    monkeypatch.setenv("ALCORE_MODELS", str(places / "secret"))
    confined.check_settings(workspace, {"weights": str(places / "secret" / "net.pt")})
    with pytest.raises(BadInput, match=REFUSED):
        confined.check_settings(workspace, {"weights": str(places / "home" / "models" / "net.pt")})
