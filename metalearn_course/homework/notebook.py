"""A homework as a notebook in nbgrader's format: its set-up, answer and test cells.

A cell belongs to the homework by the metadata that nbgrader writes: "setup" cells are locked and bear no
points, "answer" cells are the student's, "test" cells are locked and bear points. All other cells are
for reading and playing, and nobody marks them.
"""

import ast
import json
import re
from pathlib import Path
from typing import NamedTuple

LARGEST = 20_000_000  # bytes of a notebook, outputs included
LONGEST, MOST = 50_000, 100  # characters of all answer cells together, and their number
HINT = re.compile(r"^# Hint: (.*)$", re.MULTILINE)
HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS$(.*?)^### END HIDDEN TESTS$", re.MULTILINE | re.DOTALL)


class Cell(NamedTuple):
    """A cell that takes part in the marking."""

    name: str  # nbgrader's grade_id
    role: str  # "setup", "answer" or "test"
    points: float  # of a test
    source: str

    @property
    def hint(self) -> str:
        """What a test says to those who fail it, from its line "# Hint: …"."""
        return " ".join(HINT.findall(self.source))

    @property
    def public(self) -> str:
        """The part of a test that students see."""
        return HIDDEN.sub("", self.source)

    @property
    def hidden(self) -> str:
        """The part of a test that a release leaves out."""
        return "\n".join(HIDDEN.findall(self.source))


class Homework(NamedTuple):
    """The cells of a homework, source or submission, in the order of the notebook."""

    cells: tuple[Cell, ...]

    def of(self, role: str) -> list[Cell]:
        """The cells of one role."""
        return [cell for cell in self.cells if cell.role == role]

    def names(self) -> set[str]:
        """What the answer cells define: functions, classes and variables."""
        return {name for cell in self.of("answer") for name in _defined(cell.source)}


def read(path: str | Path) -> Homework:
    """The homework in a notebook file; ValueError where it is none, whatever the file holds."""
    path = Path(path)
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is not a plain file")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 1_000_000} MB; clear its outputs")
    try:
        cells = json.loads(path.read_bytes())["cells"]
        found = tuple(cell for cell in map(_cell, cells) if cell is not None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is not a notebook ({type(error).__name__})") from error
    answers = [cell.source for cell in found if cell.role == "answer"]
    if len(answers) > MOST or sum(map(len, answers)) > LONGEST:
        raise ValueError(f"it has more than {MOST} answer cells, or more than {LONGEST} characters in them")
    return Homework(found)


def _cell(cell: dict) -> Cell | None:
    mark = cell.get("metadata", {}).get("nbgrader")
    if mark is None or cell["cell_type"] != "code":
        return None
    role = "answer" if mark.get("solution") else "test" if mark.get("grade") else "setup"
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    return Cell(str(mark["grade_id"]), role, float(mark.get("points") or 0), _without_magics(source))


def _without_magics(source: str) -> str:
    """Lines for IPython alone, such as %time, mean nothing to the marking."""
    return "\n".join("" if line.startswith(("%", "!")) else line for line in source.split("\n"))


def _defined(source: str) -> set[str]:
    """What a cell defines at its top level; nothing where it is no Python."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names
