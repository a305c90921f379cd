"""A homework of two questions in nbgrader's format, and submissions to it."""

import copy
import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4

SETUP = "import torch\n\nfrom metalearn_course.homework import hidden_seed"
DOUBLE = '''def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION'''
DOUBLE_TEST = """# Hint: multiply by two.
assert double(torch.ones(2)).tolist() == [2, 2], "double(1) is not 2"
### BEGIN HIDDEN TESTS
x = torch.randn(5, generator=torch.Generator().manual_seed(hidden_seed()))
torch.testing.assert_close(double(x), x + x)
### END HIDDEN TESTS"""
NAME = '### BEGIN SOLUTION\nguess = "meta"\n### END SOLUTION'
NAME_TEST = '# Hint: the course says it in its title.\nassert guess == "meta", "another word"'


def cell(source: str, name: str, role: str, points: int = 0) -> NotebookNode:
    """A code cell with nbgrader's metadata."""
    mark = dict(grade_id=name, schema_version=3, task=False, locked=role != "answer")
    mark |= dict(solution=role == "answer", grade=role == "test")
    found = v4.new_code_cell(source)
    found.metadata["nbgrader"] = mark | ({"points": points} if role == "test" else {})
    found.id = name
    return found


def source() -> NotebookNode:
    """Three points for `double`, two for `guess`."""
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# A toy", id="title"),
            cell(SETUP, "setup", "setup"),
            cell(DOUBLE, "double", "answer"),
            cell(DOUBLE_TEST, "double-test", "test", 3),
            v4.new_code_cell("raise RuntimeError('a cell to play in, which nobody marks')", id="play"),
            cell(NAME, "guess", "answer"),
            cell(NAME_TEST, "guess-test", "test", 2),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def write_source(folder: Path) -> Path:
    """The folder of source notebooks, with hw7_toy.ipynb in it."""
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(source(), folder / "hw7_toy.ipynb")
    return folder


def answered(notebook: dict, **answers: str) -> dict:
    """The notebook with other sources of answer cells, by their names ("_" for "-")."""
    notebook = copy.deepcopy(notebook)
    for one in notebook["cells"]:
        name = one["metadata"].get("nbgrader", {}).get("grade_id", "").replace("-", "_")
        if name in answers:
            one["source"] = answers[name]
    return notebook


def hand_in(folder: Path, student: str, notebook: dict | bytes | None = None, **answers: str) -> Path:
    """Write FOLDER/STUDENT/hw7.ipynb: the source with these answers, or what is given."""
    path = folder / student / "hw7.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = answered(source(), **answers) if notebook is None else notebook
    path.write_bytes(notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode())
    return path
