"""The command line as a whole: help, exit codes, and the commands that the course has on paper."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from metalearn_course.cli.main import COMMANDS, main, read
from metalearn_course.cli.train import BY_NAME

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "command",
    [[], *([name] for name in COMMANDS), *(["train", name] for name in BY_NAME)],
)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0 and out.startswith("usage: metalearn")
    assert "default: None" not in out


TYPED = re.compile(r"(?:python -m metalearn_course|torchrun .* -m metalearn_course|metalearn) ((?:\\\\?\n|[^`\n])*)")


def commands_of_lessons() -> list[str]:
    """The commands that the lessons and the README show in full: those with no … in them."""
    notebooks = [path.read_text(encoding="utf-8") for path in (ROOT / "notebooks").glob("*.ipynb")]
    cells = [cell for text in notebooks for cell in json.loads(text)["cells"]]
    texts = ["".join(cell["source"]) for cell in cells] + [(ROOT / "README.md").read_text(encoding="utf-8")]
    found = [typed.replace("\\\n", " ") for text in texts for typed in TYPED.findall(text)]
    in_full = [
        t
        for t in found
        if "…" not in t and "--help" not in t and (len(t.split()) > 1 or t in ("data", "results", "reproduce"))
    ]
    return sorted({typed for typed in in_full if typed.split()[0] in COMMANDS})


def commands_of_the_ledger() -> list[str]:
    entries = [json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "results").rglob("*.json")]
    typed = [entry.get("command") or entry.get("train", {}).get("command", "") for entry in entries]
    return sorted({command.split("metalearn_course ")[1] for command in typed if "-m metalearn_course " in command})


@pytest.mark.parametrize("typed", commands_of_lessons() + commands_of_the_ledger())
def test_every_command_on_paper_is_understood(typed):
    assert read(shlex.split(typed)).command == typed.split()[0]


def test_the_lessons_have_commands():
    assert len(commands_of_lessons()) > 5 and len(commands_of_the_ledger()) > 20


HELP = [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS), ["train", "maml", "--help"]]


def test_help_imports_nothing_heavy_but_torch():
    """In one process: what help needs beyond torch stays below half a second even where it is busy."""
    heavy = {"torchmetrics", "torchvision", "sklearn", "scipy", "sympy", "matplotlib", "ipywidgets"}
    script = f"""
import sys, contextlib, io
import torch
before = set(sys.modules)
from metalearn_course.cli.main import main
for argv in {HELP!r}:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(argv)
print(*sorted({{name.split(".")[0] for name in set(sys.modules) - before}} & {heavy!r}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", timeout=600, cwd=ROOT, check=True
    )
    assert done.stdout.split() == []


def test_help_of_the_whole_needs_no_torch():
    script = """
import sys
from metalearn_course.cli.main import main
for argv in (["--help"], ["--version"], ["nonsense"]):
    try:
        main(argv)
    except SystemExit:
        assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=600, cwd=ROOT)
    assert done.returncode == 0, done.stderr.decode()


def test_a_fault_of_ours_shows_its_traceback_and_says_whose_it_is(monkeypatch, capsys):
    def broken(args):
        raise RuntimeError("something else")

    monkeypatch.setattr("metalearn_course.cli.results.run", broken)
    assert main(["results"]) == 70
    err = capsys.readouterr().err
    assert "Traceback" in err and "something else" in err and "a fault of the course" in err.splitlines()[-1]


def test_a_mistake_in_a_command_names_the_help_that_has_its_options(refused):
    assert "(metalearn train maml --help says more)" in refused("train", "maml", "--nonsense")
    assert "(metalearn evaluate --help says more)" in refused("evaluate")
    assert "(metalearn --help says more)" in refused("nonsense")


def test_a_process_ends_with_the_code_and_one_line():
    command = [sys.executable, "-m", "metalearn_course", "evaluate", "nothing"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=600, cwd=ROOT)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: 'nothing' is neither") and done.stderr.count("\n") == 1
