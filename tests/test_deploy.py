"""The container's files: what they name is there, their commands are taken, and nginx reads its part. No engine runs them here."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from alcore.cli import main as cli
from alcore.project.addresses import API
from tests.house import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
# distribution -> what it is imported as, where that differs
IMPORTED_AS = {
    "argon2_cffi": "argon2",
    "pillow": "PIL",
    "pillow_heif": "pillow_heif",
    "scikit_image": "skimage",
    "pyyaml": "yaml",
    "umap_learn": "umap",
    "scikit_learn": "sklearn",
}
PROGRAM = [ROOT / "app.py", *(file for room in ("alcore", "pages") for file in sorted((ROOT / room).rglob("*.py")))]
OPTIONAL = {
    "timm",
    "huggingface_hub",
    "onnxruntime",
    "onnx",
    "IPython",
    "matplotlib",
    "ipywidgets",
    "ray",
    "fsspec",
}  # asked for by name where they are wanted


def instructions() -> list[tuple[str, str]]:
    """(instruction, the rest) of each, on one line."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]  # type: ignore[misc]


def test_what_the_image_is_made_of_is_there_and_passes_the_ignore_file():
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and not rest.startswith("--from")]
    for source in (one for sources in copied for one in sources):
        assert (ROOT / source).exists(), source
        assert source in kept, source
    assert kept == {one for sources in copied for one in sources}


def test_all_that_the_app_imports_is_installed_in_the_image():
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "sed '/^# tests and checks/,$d'" in DOCKERFILE
    assert re.search(r"(?m)^# tests and checks$", text)
    pinned = re.findall(r"(?m)^([A-Za-z0-9_.-]+)(?:\[[a-z,]+\])?==", text.split("# tests and checks")[0])
    names = {name.lower().replace("-", "_") for name in pinned}
    there = {IMPORTED_AS.get(name, name) for name in names}
    assert "psycopg" in there  # SQLAlchemy loads it by the address of compose.yaml
    used = set()
    for file in PROGRAM:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                used.add(node.module.partition(".")[0])
    foreign = used - set(sys.stdlib_module_names) - {"alcore", "pages", "app", "tests"}
    brought = {"traitlets", "pyarrow", "scipy", "anyio"}  # by anywidget, streamlit, scikit-learn and starlette
    assert foreign - there - brought - OPTIONAL == set()


def test_the_command_is_one_that_serve_takes():
    (entry,) = [yaml.safe_load(rest) for name, rest in instructions() if name == "ENTRYPOINT"]
    assert entry[:3] == ["python", "-m", "alcore"]
    args = cli._parser().parse_args([*entry[3:], *COMPOSE["services"]["app"]["command"]])
    assert (args.verb, args.host, args.port, args.sign_in, args.data_root) == ("serve", "0.0.0.0", 8501, True, ["/photos"])


def test_nobody_is_root_and_what_is_written_has_a_place():
    found = dict(instructions())
    env = dict(re.findall(r"([A-Z_]+)=(\S+)", next(rest for name, rest in instructions() if name == "ENV")))
    assert found["USER"] == "10001"
    assert found["VOLUME"] == "/data"
    assert env["ALCORE_HOME"].startswith("/data/")
    assert env["HOME"] == "/data"
    assert env["NUMBA_CACHE_DIR"].startswith("/tmp/")
    assert f"{API}/health" in found["HEALTHCHECK"]
    app = COMPOSE["services"]["app"]
    assert app["read_only"] is True
    assert app["tmpfs"] == ["/tmp"]
    assert {volume.rsplit(":", 1)[-1] for volume in app["volumes"]} == {"/data", "ro"}


def test_what_compose_sets_is_known_and_what_it_mounts_is_there():
    known = set(re.findall(r"ALCORE_[A-Z_]+", " ".join(file.read_text(encoding="utf-8") for file in PROGRAM)))
    services = COMPOSE["services"]
    assert set(services["app"]["environment"]) <= known | {"PGPASSWORD"}  # which libpq reads
    assert set(COMPOSE["volumes"]) == {"database", "data"}
    mounted = [volume.split(":")[0] for service in services.values() for volume in service["volumes"]]
    assert all((DEPLOY / path).exists() for path in mounted if path.startswith("./"))
    assert (DEPLOY / services["app"]["build"]["context"] / services["app"]["build"]["dockerfile"]).is_file()


def test_nginx_passes_on_what_the_readme_says_and_reads_it(tmp_path):
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")

    def settings(block: str) -> set[str]:
        return {" ".join(line.split("#")[0].split()) for line in block.splitlines() if line.split("#")[0].strip().endswith(";")}

    (block,) = re.findall(r"```nginx\n(location / \{.*?\n\})\n```", README, re.S)  # which test_front_door.py runs with a browser
    assert {line for line in settings(text) if not line.startswith(("listen", "proxy_pass "))} == {
        line for line in settings(block) if not line.startswith("proxy_pass ")
    }
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None:
        if os.environ.get("ALCORE_BROWSER_TESTS") == "required":
            pytest.fail("no nginx on the PATH: apt-get install nginx-light")
        pytest.skip("no nginx on the PATH: install it (apt-get install nginx-light)")
    inner = text.replace("http://app:8501", "http://127.0.0.1:8501").replace("listen 80;", "listen 127.0.0.1:8080;")
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{ access_log off;\n{inner} }}\n", encoding="utf-8")
    ended = subprocess.run(
        [nginx, "-t", "-p", str(tmp_path), "-c", str(whole), "-e", str(tmp_path / "error.log")], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr


def test_the_readme_says_what_was_run_and_what_was_not():
    section = README.split("\n## In a container\n")[1].split("\n## ")[0]
    assert "docker build -f deploy/Dockerfile" in section
    for path in re.findall(r"deploy/[\w.]+", section):
        assert Path(ROOT / path).is_file(), path
