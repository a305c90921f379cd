"""A homework for students: nbgrader takes solutions and hidden tests out of the source notebook."""

import json
from pathlib import Path

from metalearn_course.homework import sources

STEPS = (
    "LockCells",
    "ClearSolutions",
    "ClearOutput",
    "CheckCellMetadata",
    "ComputeChecksums",
    "ClearHiddenTests",
    "ClearMarkScheme",
    "ComputeChecksums",
    "CheckCellMetadata",
)  # those of `nbgrader generate_assignment` that need no database, in its order


def release(name: str, out: str | Path, folder: str | Path | None = None) -> Path:
    """Write OUT/NAME.ipynb, without solutions, hidden tests and outputs; the path of the file.

    name: "hw1" … "hw5". folder: where the source notebooks lie, by default those of the course.
    """
    try:
        import nbformat
        from nbgrader import preprocessors
    except ImportError as error:
        raise ValueError("a release needs nbgrader: pip install 'metalearn-course[homework]'") from error
    notebook = nbformat.read(sources.find(name, folder), as_version=4)
    for step in STEPS:
        notebook, _ = getattr(preprocessors, step)().preprocess(notebook, {})
    left = [word for word in ("BEGIN SOLUTION", "BEGIN HIDDEN") if word in json.dumps(notebook)]
    if left:
        raise ValueError(f"{name} still holds {left[0]} after nbgrader's steps; put the delimiter on a line of its own")
    path = Path(out) / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path
