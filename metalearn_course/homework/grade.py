"""Marking a folder of submissions, each behind walls, into a table and a page per student."""

import contextlib
import os
import re
import time
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

from metalearn_course.common.progress import bar
from metalearn_course.homework import notebook, pages, sources
from metalearn_course.homework.check import explained
from metalearn_course.homework.marking import SEED, Mark, mark, prepare
from metalearn_course.homework.notebook import Homework
from metalearn_course.homework.sandbox.client import Remote, Sandbox
from metalearn_course.homework.sandbox.walls import Limits

HOMEWORK = re.compile(r"(?:^|[^a-z0-9])(hw\d+)(?![0-9])", re.IGNORECASE)


class Result(NamedTuple):
    """What a student's notebook earned."""

    student: str
    homework: str
    marks: list[Mark]
    note: str  # why there are no marks, or which cells raised errors
    seconds: float  # of the marking

    @property
    def total(self) -> float:
        """Points earned."""
        return sum(one.points for one in self.marks)

    @property
    def possible(self) -> float:
        """Points there were."""
        return sum(one.possible for one in self.marks)


def grade(
    submissions: str | Path,
    out: str | Path = "marks",
    seed: int | None = None,
    seconds: int = 120,
    folder: str | Path | None = None,
    limits: Limits | None = None,
) -> list[Result]:
    """Mark every notebook below a folder; writes OUT/marks.csv and a page per notebook.

    submissions: STUDENT/…/hw2.ipynb, or files named STUDENT_hw2.ipynb; the name says which homework it is.
    seed: of the hidden tests, the same for all. seconds: for one answer, less the time in which the machine is
        busy with others; whoever takes longer loses that test.
    folder: of the source notebooks, by default those of the course.
    """
    files, tests = _to_mark(Path(submissions), folder)
    hidden = (submissions, out, sources.FOLDER, *([folder] if folder else []))
    with _seed(seed), Sandbox(limits, hidden) as sandbox:
        results = [mark_one(*file, tests, sandbox, seconds) for file in bar(files)]
    pages.write(results, Path(out))
    return results


def _to_mark(submissions: Path, folder: str | Path | None) -> tuple[list[tuple], dict[str, Homework]]:
    """Student, homework and file of every submission, and the homeworks that they belong to."""
    if not submissions.is_dir():
        raise ValueError(f"{submissions} is not a folder; give the folder with the submissions")
    files = find(submissions)
    if not files:
        raise ValueError(f"{submissions} holds no notebook whose name says hw1, hw2, …")
    return files, {name: notebook.read(sources.find(name, folder)) for name in sorted({name for _, name, _ in files})}


def find(folder: Path) -> list[tuple[str, str, Path]]:
    """Student, homework and file of every submission. Checkpoints of Jupyter are none."""
    found = []
    for root, folders, names in os.walk(folder):  # follows no links
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted([*names, *folders]):
            homework = HOMEWORK.search(Path(name).stem)
            if name.endswith(".ipynb") and homework:
                inside = Path(root).relative_to(folder).parts
                student = (
                    inside[0] if inside else (Path(name).stem[: homework.start(1)].rstrip("_- ") or Path(name).stem)
                )
                found.append((student, homework[1].lower(), Path(root) / name))
    return found


def mark_one(
    student: str, name: str, path: Path, homeworks: dict[str, Homework], sandbox: Sandbox, seconds: float
) -> Result:
    """Mark one notebook. Whatever is in it, a result comes back."""
    started, tests = time.perf_counter(), homeworks[name]
    marks, note = [Mark(cell.name, 0, cell.points, "", "") for cell in tests.of("test")], ""
    try:
        submission = notebook.read(path)
        with Remote(sandbox, seconds) as answers:
            errors = prepare(submission, answers, setup=tests)
            marks = [one._replace(message=explained(one.message, errors)) for one in mark(tests, answers, hidden=True)]
            note = "; ".join(f"{cell}: {error}" for cell, error in errors.items())
    except (ValueError, OSError) as error:
        note = f"not marked: {error}"
    return Result(student, name, marks, note, time.perf_counter() - started)


@contextlib.contextmanager
def _seed(seed: int | None) -> Generator[None]:
    """The seed of hidden tests, in the marker's environment for as long as the marking lasts."""
    before = os.environ.get(SEED)
    if seed is not None:
        os.environ[SEED] = str(seed)
    try:
        yield
    finally:
        os.environ.pop(SEED, None)
        if before is not None:
            os.environ[SEED] = before
