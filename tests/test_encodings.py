"""Text files are UTF-8 on every system: a machine that speaks GBK or cp1252 reads the same lessons."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("metalearn_course", "tests", "benchmarks", "docs")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
PROCESSES = ("run", "Popen", "check_output")


def unsaid(code: str) -> list[int]:
    """The lines in which text is read or written, or a process's output read as text, without an encoding."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if _takes_text(call) and not _says(call, "encoding")]


def _takes_text(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("read_text", "write_text"):
        return not (isinstance(call.func.value, ast.Name) and call.func.value.id == "storage")  # which writes UTF-8
    if name in PROCESSES:
        return _says(call, "text") or _says(call, "universal_newlines")
    if isinstance(call.func, ast.Attribute) and name == "open":  # of a path, where a mode for text is all it is told
        return bool(call.args) and _mode(call, 0).strip("'") in ("r", "w", "a", "x", "r+", "w+", "a+")
    return isinstance(call.func, ast.Name) and name == "open" and "b" not in _mode(call)


def _says(call: ast.Call, keyword: str) -> bool:
    return any(each.arg == keyword for each in call.keywords)


def _mode(call: ast.Call, position: int = 1) -> str:
    modes = [*call.args[position : position + 1], *(each.value for each in call.keywords if each.arg == "mode")]
    return ast.unparse(modes[0]) if modes else "r"


def test_what_is_unsaid_is_noticed():
    code = """
open(p); open(p, "w"); p.read_text(); p.write_text(t); p.open("w"); run(c, text=True)
open(p, "rb"); open(p, encoding="utf-8"); p.write_text(t, encoding="utf-8"); run(c)
Image.open(p); p.open("wb"); storage.write_text(p, t)
"""
    assert unsaid(code) == [2] * 6


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_file_is_opened_with_its_encoding(path):
    lines = unsaid(path.read_text(encoding="utf-8"))
    assert lines == [], f"{path.name}: no encoding in lines {lines}"


def test_python_itself_finds_no_text_without_an_encoding():
    """What it calls EncodingWarning, in a few rooms that read and write files: an error in all that is ours."""
    filters = ["ignore::EncodingWarning", "error::EncodingWarning:(metalearn_course|tests|helpers|small_).*"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o"]
    command += ["filterwarnings=" + "\n".join(filters), "tests/common", "tests/ledger/test_records.py"]
    locale = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}  # text is ASCII where nobody says more
    environment = os.environ | locale | {"PYTHONWARNDEFAULTENCODING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout
