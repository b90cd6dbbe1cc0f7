"""What the tests share: a workspace in a temporary folder, a few images a net learns in 30 steps, a pool whose ids, rows and positions differ."""

from __future__ import annotations

import dataclasses
import gc
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from alcore.pixels import images
from alcore.project import timing
from alcore.project.facade import Project, Workspace
from alcore.project.probe import Costs
from alcore.storage.database import Database
from alcore.training.pool import Pool
from benchmarks import postgres
from tests.uploads.serving import AUTHORITY, NAMES, Host

SIDE = 8
FIRST = ("browser", "slow")
QUICK = {"steps": 30, "batch_size": 16, "flip": False, "crop": 0.0, "warmup": 0.0, "learning_rate": 0.05}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests come first: workers take whole files in this order, and the last one begun is then a short one."""
    rank = {path: len(FIRST) for path in {item.path for item in items}}
    for item in items:
        marked = [at for at, name in enumerate(FIRST) if item.get_closest_marker(name)]
        rank[item.path] = min([rank[item.path], *marked])
    items.sort(key=lambda item: rank[item.path])  # within a file, and among files alike, the order stays


def pytest_collection_finish() -> None:
    """Sets apart what was loaded and collected: garbage is collected after each run of a page, which would go through all of it."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked `both_databases` that uses a store (`home`, `workspace`, `project`, `database`) runs on SQLite and on PostgreSQL."""
    if metafunc.definition.get_closest_marker("both_databases") and "store" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("sqlite_only")
        metafunc.parametrize("store", ["sqlite"] if only else ["sqlite", "postgres"], indirect=True)


@pytest.fixture(scope="session", autouse=True)
def rays_folder() -> Iterator[None]:
    """Where Ray notes the cluster that is joined where nobody names one: each worker its own, or one would join and lose another's."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        patch.setenv("RAY_TMPDIR", folder)  # short: names of sockets lie in it
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server of this process, with the database `alcore` as a new workspace has it. Tests that need it are skipped where there
    is none, unless ALCORE_POSTGRES_TESTS=required."""
    if postgres.programs() is None and not postgres.needed():
        pytest.skip("there is no PostgreSQL on this machine: install Debian's package postgresql")
    with postgres.server(durable=False) as server:
        server.sql("CREATE DATABASE alcore")
        Database(server.address("alcore")).close()
        yield server


@pytest.fixture
def empty_database(postgres_server: postgres.Server) -> Iterator[str]:
    """The address of a PostgreSQL database without a table."""
    name = postgres_server.make()
    yield postgres_server.address(name)
    postgres_server.drop(name)


@pytest.fixture
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where workspaces of this test keep their rows: "sqlite", or "postgres", an empty database of its own (`both_databases`).
    ALCORE_TEST_STORE says where those are that are not marked."""
    name = getattr(request, "param", None) or os.environ.get("ALCORE_TEST_STORE", "sqlite")
    if name == "sqlite":
        yield name
        return
    server = request.getfixturevalue("postgres_server")
    database = server.make("alcore")
    monkeypatch.setenv("ALCORE_DATABASE", server.address(database))
    yield name
    server.drop(database)


def quadrant(rng: np.random.Generator, kind: int, side: int = SIDE) -> np.ndarray:
    """(side, side) uint8: dark noise with quadrant `kind` (0...3) bright."""
    image = rng.integers(0, 60, (side, side))
    half = side // 2
    y, x = divmod(kind, 2)
    image[y * half : (y + 1) * half, x * half : (x + 1) * half] += 150
    return image.astype(np.uint8)


def write_png(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(autouse=True)
def the_script_stays() -> Iterator[None]:
    """Streamlit's test harness leaves a page behind as `__main__`, which processes begun later would run as their script."""
    script = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = script


@pytest.fixture
def home(tmp_path: Path, store: str) -> Path:
    """An empty workspace's folder."""
    return tmp_path / "home"


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    """The workspace of `home`, closed at the end."""
    opened = Workspace(home)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def timed_apart(monkeypatch) -> list[Mapping[str, Any]]:
    """Pages start no processes that time steps: a step costs 0.1 s, an image 0.01 s. The arguments that were asked about."""
    asked: list[Mapping[str, Any]] = []

    def known(project: Project, arguments: Mapping[str, Any], began: Callable[..., None]) -> tuple[Costs, bool]:
        asked.append(arguments)
        return Costs((("training", 1.0, 0.1),), 0.01, 0.01, 5), True

    monkeypatch.setattr(timing, "measure_apart", known)
    return asked


def write_source(folder: Path, train: int = 10, test: int = 4, classes: tuple[str, ...] = ("0", "1", "2", "3")) -> Path:
    rng = np.random.default_rng(7)
    for split, count in (("train", train), ("test", test)):
        for kind, name in enumerate(classes):
            for number in range(count):
                write_png(folder / split / name / f"{number:02d}.png", quadrant(rng, kind))
    return folder


@pytest.fixture
def digits_source(tmp_path: Path) -> Path:
    """Class folders 0...3 below train (10 each) and test (4 each): 56 grey PNG of 8x8, told apart by their bright quadrant."""
    return write_source(tmp_path / "source")


@pytest.fixture(scope="session")
def make_source() -> Callable[..., Path]:
    """`make_source(folder, train=10, test=4, classes=("0", ...))` writes such a source elsewhere."""
    return write_source


@pytest.fixture
def write_image() -> Callable[..., None]:
    """`write_image(path, kind, seed=0)` writes one more such image."""

    def write(path: Path, kind: int, seed: int = 0) -> None:
        write_png(path, quadrant(np.random.default_rng(1000 + seed), kind))

    return write


@pytest.fixture
def names(monkeypatch) -> dict[str, str]:
    """name -> the address it leads to; what is not in it is asked of the system, which knows numbers without a network."""
    known, real = dict(NAMES), socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **options: real(known.get(host, host), *args, **options))
    return known


@pytest.fixture
def host(names, monkeypatch) -> Iterator[Host]:
    """A server at https://photos.test, which leads to this machine."""
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    with Host() as made:
        yield made


@pytest.fixture
def project(workspace: Workspace, digits_source: Path) -> Project:
    """`digits_source` imported as "toy", nothing labeled."""
    return Project.import_into(workspace, "toy", digits_source)


@pytest.fixture(scope="session")
def quick() -> Mapping[str, Any]:
    """A run's parameters with which the toy images are learned in 30 steps."""
    return QUICK


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """(40, 8, 8, 3) uint8; row r shows kind r % 3."""
    rng = np.random.default_rng(3)
    return np.stack([np.repeat(quadrant(rng, row % 3)[..., None], 3, axis=2) for row in range(40)])


@pytest.fixture(scope="session")
def pool() -> Pool:
    """12 labeled, 20 unlabeled and 6 test items of three classes; id 5 + 3 i lies in row order[i], and 2 items belong to nobody."""
    rng = np.random.default_rng(11)
    rows = rng.permutation(40)
    ids = 5 + 3 * np.arange(40)
    kinds = rows % 3
    mixed = rng.permutation(40)
    labeled, unlabeled, test = mixed[:12], np.sort(mixed[12:32]), mixed[32:38]
    return Pool(ids[labeled], kinds[labeled], ids[unlabeled], ids[test], kinds[test], ids, rows)


@pytest.fixture(scope="session")
def dense_pixels(pixels) -> np.ndarray:
    """(40, 16, 16, 3): `pixels` at twice their side."""
    return pixels.repeat(2, 1).repeat(2, 2)


@pytest.fixture(scope="session")
def dense() -> np.ndarray:
    """(40, 16, 16) masks beside the rows of `dense_pixels`: class 0, in the bright quadrant class 1 or 2, and a void frame; row 7 is all void."""
    masks = np.zeros((40, 16, 16), np.uint8)
    for row in range(40):
        y, x = divmod(row % 3, 2)
        masks[row, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8] = 1 + row % 3 % 2
    masks[:, [0, -1]] = masks[:, :, [0, -1]] = 255
    masks[7] = 255
    return masks


@pytest.fixture(scope="session")
def dense_pool(pool) -> Pool:
    """`pool` with rows of `dense` as targets."""
    return dataclasses.replace(pool, targets=pool.rows_of(pool.labeled), test_targets=pool.rows_of(pool.test))


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """Names of the files that were decoded."""
    names: list[str] = []
    honest = images._decode

    def count(source, *how):
        names.append(source.name)
        return honest(source, *how)

    monkeypatch.setattr(images, "_decode", count)
    return names


@pytest.fixture
def make_npz() -> Callable[..., Path]:
    """`make_npz(folder, side)` writes 10 training and 2 test images of that side as arrays with labels."""

    def write(folder: Path, side: int) -> Path:
        pixels = np.random.default_rng(0).integers(0, 256, (12, side, side, 3), dtype=np.uint8)
        folder.mkdir(exist_ok=True)
        np.savez(folder / "set.npz", x_train=pixels[2:], y_train=np.arange(10) % 2, x_test=pixels[:2], y_test=np.arange(2))
        return folder / "set.npz"

    return write


@pytest.fixture
def rounding_bf16(monkeypatch) -> None:
    """Inside autocast on a CPU, layers compute in fp32 from inputs and to outputs that are rounded to bf16: right on every processor."""

    def rounded(right: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def product(*given: Any) -> torch.Tensor:
            if not torch.is_autocast_enabled("cpu"):
                return right(*given)
            with torch.autocast("cpu", enabled=False):
                near = [one.bfloat16().float() if isinstance(one, torch.Tensor) else one for one in given]
                return right(*near).bfloat16()

        return product

    for name in ("conv2d", "conv_transpose2d", "linear"):
        monkeypatch.setattr(torch.nn.functional, name, rounded(getattr(torch.nn.functional, name)))
