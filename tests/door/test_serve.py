"""The verb `serve`: what it says at the start, what it refuses before it starts, and what it hands to the app."""

from __future__ import annotations

import os
import socket
import sys

import pytest
import uvicorn

from alcore.cli.main import main
from alcore.door.serve import announced, confine
from alcore.project import facade as workspaces
from alcore.project.facade import Workspace
from alcore.uploads.roots import VARIABLE

LONG = "a-token/of+the workspace"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in ("ALCORE_HOSTS", "ALCORE_SIGN_IN", "ALCORE_TOKEN", "ALCORE_BIND", "ALCORE_HOME", "ALCORE_DATABASE", VARIABLE):
        monkeypatch.setenv(name, "")  # what serve sets is put back at the end
        monkeypatch.delenv(name)


@pytest.fixture
def serve(home, monkeypatch, capsys):
    """`serve(*options)` gives (exit code, lines on stderr, what uvicorn was asked for or None); nothing is really served."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(os.getcwd())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]

    def call(*options: str):
        asked = []
        monkeypatch.setattr(uvicorn, "run", lambda app, **how: asked.append((app, how["host"], how["port"])))
        code = main(["serve", "--home", str(home), "--port", str(free), *options])
        return code, capsys.readouterr().err.splitlines(), asked[0] if asked else None

    call.port = free
    yield call
    if opened := workspaces._shared.pop(home, None):
        opened.close()


def test_on_loopback_it_prints_the_address_and_makes_the_token(serve, home):
    assert serve() == (0, [f"alcore is at http://localhost:{serve.port}"], ("app:app", "127.0.0.1", serve.port))
    assert len((home / "token").read_text()) == 43
    assert os.environ["ALCORE_BIND"] == "127.0.0.1"
    assert "ALCORE_SIGN_IN" not in os.environ


def test_bound_to_every_address_it_prints_the_link_that_signs_in(serve, home):
    code, lines, asked = serve("--host", "0.0.0.0")
    token = (home / "token").read_text()
    assert (code, asked) == (0, ("app:app", "0.0.0.0", serve.port))
    assert lines[0].startswith(f"alcore is at http://localhost:{serve.port}/?token={token}")
    assert lines[1:] == ["The link signs a browser in; whoever has it can see and change every project."]


def test_sign_in_and_insecure_say_it_to_the_app(serve):
    assert "?token=" in serve("--sign-in")[1][0]
    assert os.environ["ALCORE_SIGN_IN"] == "1"
    code, lines, asked = serve("--host", "0.0.0.0", "--insecure")
    assert (code, asked is not None, os.environ["ALCORE_SIGN_IN"]) == (0, True, "0")
    assert "token" not in lines[0]
    assert lines[1] == f"Nobody is asked to sign in (--insecure): whoever reaches 0.0.0.0:{serve.port} can see and change every project."


@pytest.mark.parametrize(
    ("environment", "options", "words"),
    [
        (
            {"ALCORE_SIGN_IN": "0"},
            ["--host", "0.0.0.0"],
            "ALCORE_SIGN_IN=0 with --host 0.0.0.0 lets everybody in: unset it, or say --insecure",
        ),
        ({"ALCORE_SIGN_IN": "perhaps"}, [], "ALCORE_SIGN_IN is 'perhaps'"),
        ({"ALCORE_HOSTS": "a/b"}, [], "ALCORE_HOSTS: 'a/b' is no host"),
        ({}, ["--port", "99999"], "--port 99999: ports go from 0 to 65535"),
        ({}, ["--host", "192.0.2.1"], "192.0.2.1:"),
        ({"ALCORE_DATABASE": "sqlite:////no/such/folder/x.sqlite"}, [], "/no/such/folder/x.sqlite cannot be opened: its folder is missing"),
    ],
)
def test_what_would_keep_it_from_serving_is_one_line(serve, monkeypatch, environment, options, words):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code, lines, asked = serve(*options)
    assert (code, len(lines), asked) == (2, 1, None)
    assert lines[0].startswith("alcore: ")
    assert words in lines[0]


def test_a_port_that_is_taken_is_named(serve):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, lines, asked = serve("--port", str(port))
    assert (code, asked) == (2, None)
    assert lines == [f"alcore: 127.0.0.1:{port} cannot be listened at: Address already in use. Choose another --port or --host."]


def test_sign_in_off_by_the_environment_is_fine_on_loopback(serve, monkeypatch):
    monkeypatch.setenv("ALCORE_SIGN_IN", "0")
    assert serve()[0] == 0


def test_the_link_quotes_the_token_and_brackets_an_address():
    assert announced("::1", 8501, LONG)[0] == "alcore is at http://[::1]:8501/?token=a-token%2Fof%2Bthe%20workspace"
    assert announced("box.example", 8501, LONG)[0] == "alcore is at http://box.example:8501/?token=a-token%2Fof%2Bthe%20workspace"


def test_a_token_that_can_be_guessed_is_told(monkeypatch):
    assert announced("box.example", 8501, "abc")[-1] == "ALCORE_TOKEN has 3 characters and can be guessed: take 16 or more."
    assert len(announced("box.example", 8501, "x" * 16)) == 2


def test_a_proxy_without_sign_in_is_told(monkeypatch):
    monkeypatch.setenv("ALCORE_HOSTS", "lab.example")
    assert (
        announced("127.0.0.1", 8501, "")[-1]
        == "Nobody is asked to sign in. If a proxy stands in front (ALCORE_HOSTS is set), --sign-in asks for the token."
    )
    monkeypatch.setenv("ALCORE_HOSTS", "localhost:9000")
    assert len(announced("127.0.0.1", 8501, "")) == 1


@pytest.mark.parametrize(
    "verb",
    [["label", "--project", "toy", "--from-truth", "1"], ["train", "--project", "toy"], ["doctor", "--rebuild"], ["serve"]],
    ids=lambda verb: verb[0],
)
def test_a_workspace_that_may_only_be_read_is_one_line_of_every_verb_that_writes(project, home, monkeypatch, capsys, verb):
    project.label_from_truth(8)
    project.workspace.close()
    monkeypatch.setenv("ALCORE_DATABASE", f"sqlite:///file:{home / 'alcore.sqlite'}?mode=ro&uri=true")
    assert main([*verb, "--home", str(home)]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("alcore: the database ")
    assert "is read-only: nothing was stored. Make the file and its folder writable" in line


def test_what_no_module_has_put_in_words_is_one_line_too(home, monkeypatch, capsys):
    def full(self: Workspace) -> None:
        raise OSError(28, "No space left on device", "/somewhere/x")

    monkeypatch.setattr(Workspace, "projects", full)
    assert main(["doctor", "--home", str(home)]) == 2
    assert capsys.readouterr().err == "alcore: the disk is full: /somewhere/x. Free some space and try again.\n"


def test_pages_read_every_folder_on_loopback_and_none_where_others_can_reach_it(serve):
    serve()
    assert VARIABLE not in os.environ
    serve("--sign-in")
    assert os.environ[VARIABLE] == ""


@pytest.mark.parametrize(("host", "options"), [("0.0.0.0", []), ("0.0.0.0", ["--insecure"])])
def test_on_a_network_pages_read_nothing_but_uploads_unless_roots_are_given(serve, tmp_path, host, options):
    serve("--host", host, *options)
    assert os.environ[VARIABLE] == ""
    (tmp_path / "a").mkdir()
    serve("--host", host, *options, "--data-root", str(tmp_path / "a"), "--data-root", str(tmp_path))
    assert os.environ[VARIABLE] == os.pathsep.join([str(tmp_path / "a"), str(tmp_path)])


def test_what_the_environment_says_of_roots_stays(serve, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    serve("--host", "0.0.0.0")
    assert os.environ[VARIABLE] == str(tmp_path)


def test_a_root_that_is_no_folder_is_refused_before_it_starts(serve, tmp_path):
    code, lines, asked = serve("--data-root", str(tmp_path / "none"))
    assert (code, asked) == (2, None)
    assert lines == [f"alcore: --data-root {tmp_path}/none is no folder: name one that is there"]


@pytest.mark.parametrize(("bound", "said"), [("127.0.0.1", None), ("localhost", None), ("", ""), ("192.168.1.5", "")])
def test_started_another_way_the_same_is_decided_by_the_address(bound, said):
    confine(bound)
    assert os.environ.get(VARIABLE) == said


def test_where_people_have_accounts_no_link_signs_in():
    told = announced("0.0.0.0", 8501, "", accounts=True)
    assert told[-1] == "People sign in with their accounts (python -m alcore account list)."
    assert not any("token" in line or "Nobody" in line for line in told)
