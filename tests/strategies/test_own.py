"""Strategies of a person's own: files of a folder and classes of a process, found, checked, told of when they are broken."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from alcore import strategies
from alcore.errors import BadInput
from alcore.params import TrainParams
from alcore.strategies import (
    SCORES,
    STRATEGIES,
    add_strategy,
    code_of,
    file_of,
    forget,
    is_of_this_process,
    look,
    params_of,
    strategy_named,
)
from alcore.strategies.base import ScoreInfo, Strategy
from alcore.strategies.entropy import Entropy
from tests.house import ROOT
from tests.strategies.doubt import DOUBT, write

LIBRARY = list(STRATEGIES)
MEND = "Mend the file: it is read again by itself."


@pytest.fixture(autouse=True)
def _alone():
    forget()
    yield
    forget()
    assert list(STRATEGIES) == LIBRARY


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


# ---- files


def test_a_file_of_the_folder_is_a_strategy_after_the_librarys(tmp_path):
    path = write(tmp_path)
    assert look(tmp_path) == ()
    assert list(STRATEGIES) == [*LIBRARY, "doubt"]
    assert (STRATEGIES["doubt"].title, STRATEGIES["doubt"].heat) == ("Doubt", "confidence")
    assert (file_of("doubt"), file_of("margin"), code_of("margin"), len(code_of("doubt"))) == (path, None, "", 16)
    assert params_of("doubt", {"power": "2"}, TrainParams()).power == 2.0
    with pytest.raises(BadInput, match="power='20': use a value from 0.1 to 10"):
        params_of("doubt", {"power": "20"}, TrainParams())


def test_what_its_scores_mean_is_told(tmp_path):
    info = '(ScoreInfo("gloom", "Gloom", "How dark it is."),)'
    write(tmp_path, text=DOUBT.replace('(ScoreInfo("total", "Priority", "What is left of the probability."),)', info))
    look(tmp_path)
    assert SCORES["gloom"] == ScoreInfo("gloom", "Gloom", "How dark it is.")
    forget()
    assert "gloom" not in SCORES


def test_a_file_is_read_again_when_it_has_changed_and_forgotten_when_it_is_gone(tmp_path):
    path = write(tmp_path)
    look(tmp_path)
    first, code = strategy_named("doubt"), code_of("doubt")
    os.utime(path, ns=(1, 1))
    assert strategy_named("doubt") is first  # touched, not changed
    write(tmp_path, text=DOUBT.replace('title = "Doubt"', 'title = "Doubts"'))
    assert strategy_named("doubt").title == "Doubts"
    assert code_of("doubt") != code
    path.unlink()
    with pytest.raises(BadInput, match="unknown strategy 'doubt': use one of mal, mcdal, "):
        strategy_named("doubt")


def test_a_file_that_comes_later_is_found_by_its_name(tmp_path):
    look(tmp_path / "strategies")  # as a workspace does that has no such folder yet
    write(tmp_path / "strategies")
    assert strategy_named("doubt").title == "Doubt"


def test_hidden_files_and_helpers_are_no_strategies(tmp_path):
    write(tmp_path, "_helper", "1 / 0")
    write(tmp_path, ".hidden", "1 / 0")
    (tmp_path / "notes.txt").write_text("not python")
    assert look(tmp_path) == ()
    assert list(STRATEGIES) == LIBRARY


def test_no_bytecode_is_left_in_the_folder(tmp_path):
    write(tmp_path)
    look(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["doubt.py"]


BROKEN = {
    "cannot be read as Python": ("class Doubt(\n", 1, "SyntaxError: '(' was never closed"),
    "fails when it runs": (f"{DOUBT}\n\n1 / 0\n", DOUBT.count("\n") + 3, "ZeroDivisionError: division by zero"),
    "fails in a function it calls": ("def f():\n    raise ValueError\n\n\nf()\n", 2, "ValueError"),
    "ends the process": ("import sys\n\nsys.exit(3)\n", 3, "SystemExit: 3"),
    "needs what is not installed": ("import not_there\n", 1, "ModuleNotFoundError: No module named 'not_there'"),
    "has no strategy": ("x = 1\n", 0, "it has no class that is a Strategy"),
    "has an imported one only": (
        "from alcore.strategies.entropy import Entropy\n",
        0,
        "it has no class that is a Strategy",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_file_that(what, tmp_path, caplog):
    """is told of by file, line and cure, in the log too, and asking for it fails with the same sentence."""
    text, line, words = BROKEN[what]
    path = write(tmp_path, text=text)
    sentence = f"{path}, line {line}: {words}. {MEND}" if line else f"{path}: {words}. {MEND}"
    with caplog.at_level(logging.WARNING, "alcore.strategies.own"):
        assert look(tmp_path) == (sentence,)
        assert look(tmp_path) == (sentence,)  # said as long as it is so, logged once
    assert [record.getMessage() for record in caplog.records] == [sentence]
    assert list(STRATEGIES) == LIBRARY
    with pytest.raises(BadInput) as refused:
        strategy_named("doubt")
    assert str(refused.value) == sentence
    write(tmp_path)
    assert strategy_named("doubt").title == "Doubt"  # mended
    assert look() == ()


def test_one_broken_file_keeps_no_other_from_being_read_and_its_name_is_known_from_its_text(tmp_path):
    write(tmp_path)
    write(tmp_path, "later", DOUBT.replace('"doubt"', '"gloom"') + "\n1 / 0\n")
    assert len(look(tmp_path)) == 1
    assert list(STRATEGIES) == [*LIBRARY, "doubt"]
    with pytest.raises(BadInput, match="later.py, line .*: ZeroDivisionError"):
        strategy_named("gloom")


CLASS = line_of(DOUBT, "class Doubt(Strategy)")
LACKS = [
    ('name = "doubt"', "", "Doubt: its name is None: set name to a word of small letters, digits and _, up to 40"),
    ('name = "doubt"', 'name = "Doubt it"', "Doubt: its name is 'Doubt it': set name to a word of small letters, digits and _, up to 40"),
    ('name = "doubt"', 'name = "margin"', "the name 'margin' is one of the library's: give it another"),
    ('title = "Doubt"', "", "Doubt: it has no title: set title to what lists call it"),
    ('paper = "Lewis & Gale 1994"', "", 'Doubt: it has no paper: set paper to authors and year, or "none"'),
    ('heat = "confidence"', 'tasks = ("boxes",)', "Doubt: it is for tasks 'boxes': there are classification, segmentation"),
    ("def total(", "def totals(", "Doubt: nothing says what it ranks by: set rank_by to one of its scores, or write total()"),
    (
        "Params = DoubtParams",
        "Params = dict",
        "Doubt: its Params cannot be shown as a form: make it a frozen dataclass whose fields are made with alcore.params.param",
    ),
    (
        'ScoreInfo("total"',
        'ScoreInfo("entropy"',
        "it says something else of the score 'entropy' than mal: give that score a name of its own",
    ),
]


@pytest.mark.parametrize(("before", "after", "words"), LACKS)
def test_a_class_that_lacks_something_is_told_of_at_its_line(before, after, words, tmp_path):
    text = DOUBT.replace(before, after)
    assert text != DOUBT
    path = write(tmp_path, text=text)
    assert look(tmp_path) == (f"{path}, line {CLASS}: {words}. {MEND}",)
    assert list(STRATEGIES) == LIBRARY


def test_of_two_files_with_one_name_the_first_counts_and_the_other_is_told_of(tmp_path):
    first = write(tmp_path, "a")
    second = write(tmp_path, "b")
    told = f"{second}, line {CLASS}: the name 'doubt' is that of a.py already: give this one another. {MEND}"
    assert look(tmp_path) == (told,)
    assert file_of("doubt") == first


def test_of_two_folders_with_one_name_the_one_looked_at_last_counts(tmp_path):
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    look(one.parent)
    assert look(two.parent) == ()
    assert file_of("doubt") == two
    look(one.parent)
    assert file_of("doubt") == one


@pytest.mark.skipif(os.name == "nt", reason="files have no owners there")
def test_what_others_may_write_is_not_run_unless_a_person_names_the_folder(tmp_path):
    path = write(tmp_path / "shared")
    path.parent.chmod(0o777)
    cure = "Mend that, or name the folder in ALCORE_STRATEGIES if you trust it."
    told = f"the strategies in {path.parent} are not run: everybody may write to shared. {cure}"
    assert look(path.parent) == (told,)
    assert list(STRATEGIES) == LIBRARY
    assert look(path.parent, named=True) == ()
    assert file_of("doubt") == path


def test_a_folder_of_another_user_is_not_run(tmp_path, monkeypatch):
    path = write(tmp_path / "theirs")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    (told,) = look(path.parent)
    assert told.startswith(f"the strategies in {path.parent} are not run: theirs belongs to another user. ")
    assert list(STRATEGIES) == LIBRARY


def test_who_goes_through_the_strategies_sees_those_of_the_beginning(tmp_path):
    write(tmp_path)
    seen = []
    for name, kind in STRATEGIES.items():
        look(tmp_path)
        seen.append(kind.name)
        assert kind.name == name
    assert seen == LIBRARY
    assert len(STRATEGIES) == len(LIBRARY) + 1


# ---- classes of this process


def test_a_class_of_this_process_is_a_strategy_and_may_be_written_anew(tmp_path):
    @add_strategy
    class Mine(Entropy):
        """Mine."""

        name = "mine"
        title = "Mine"

    assert STRATEGIES["mine"] is Mine
    assert is_of_this_process("mine")
    assert not is_of_this_process("margin")
    again = add_strategy(type("Mine", (Mine,), {"title": "Mine again"}))
    assert (strategy_named("mine"), STRATEGIES["mine"].title) == (again, "Mine again")
    write(tmp_path, text=DOUBT.replace('"doubt"', '"mine"'))
    look(tmp_path)
    assert (strategy_named("mine").title, is_of_this_process("mine")) == ("Doubt", False)  # what was written down last
    add_strategy(Mine)
    assert strategy_named("mine") is Mine


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (type("Mine", (Entropy,), {}), "Mine cannot be used as a strategy: the name 'entropy' is one of the library's: give it another"),
        (type("Mine", (Strategy,), {}), "Mine cannot be used as a strategy: its name is None: set name to a word"),
        (dict, "dict cannot be used as a strategy: it is no subclass of alcore.strategies.base.Strategy"),
    ],
)
def test_a_class_that_cannot_be_used_is_refused(kind, words):
    with pytest.raises(BadInput) as refused:
        add_strategy(kind)
    assert str(refused.value).startswith(words)
    assert list(STRATEGIES) == LIBRARY


def test_a_round_of_a_strategy_that_is_gone_is_told_of_as_any():
    assert strategies.told_by("gone") is Strategy
    assert strategies.told_by("margin") is STRATEGIES["margin"]
    assert strategies.title_of("gone", {}, {}) == "gone"


# ---- processes


def ran(code: str, **environment: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("variable", "folder"), [("ALCORE_STRATEGIES", "."), ("ALCORE_HOME", "strategies")])
def test_every_process_knows_what_the_environment_names(variable, folder, tmp_path):
    path = write(tmp_path / folder)
    write(tmp_path / folder, "broken", "1 / 0")
    code = "from alcore.strategies import STRATEGIES, file_of, problems; print(list(STRATEGIES)[-1], file_of('doubt'), len(problems()))"
    assert ran(code, **{variable: str(tmp_path)}) == f"doubt {path} 1\n"


@pytest.mark.slow
def test_the_contract_of_the_library_is_run_over_ones_own(tmp_path):
    """As the README and a notebook say it is."""
    write(tmp_path)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/strategies/test_strategies.py", "-k", "doubt"]
    env = {**os.environ, "ALCORE_STRATEGIES": str(tmp_path), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert int(ended.stdout.splitlines()[-1].split(" passed")[0]) >= 50
