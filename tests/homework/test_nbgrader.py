"""An instructor may use nbgrader itself: its own release and its own autograding take our notebooks as they are."""

import os
import shutil
import subprocess
import sys

import pytest

from metalearn_course.homework import sources

LONG = pytest.mark.skipif(os.environ.get("METALEARN_TESTS") != "long", reason="kernels: METALEARN_TESTS=long")


@LONG
def test_nbgrader_releases_and_marks_a_homework_on_its_own(tmp_path):
    source = tmp_path / "source" / "hw1" / "hw1.ipynb"
    source.parent.mkdir(parents=True)
    shutil.copy(sources.find("hw1"), source)
    course = ["--course-dir", str(tmp_path)]

    programs = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # nbgrader calls alembic

    def nbgrader(*command):
        typed = [sys.executable, "-m", "nbgrader", *command, *course]
        subprocess.run(typed, check=True, cwd=tmp_path, env=os.environ | {"PATH": programs})

    nbgrader("generate_assignment", "hw1", "--create")
    released = tmp_path / "release" / "hw1" / "hw1.ipynb"
    for student, notebook in (("ada", source), ("bob", released)):
        (tmp_path / "submitted" / student / "hw1").mkdir(parents=True)
        shutil.copy(notebook, tmp_path / "submitted" / student / "hw1")
    nbgrader("autograde", "hw1", "--Execute.iopub_timeout=600")  # a busy machine takes long to import PyTorch
    assert points(tmp_path / "gradebook.db") == {"ada": 20, "bob": 0}


def points(gradebook) -> dict[str, float]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{gradebook}") as book:
        return {s.student.id: s.score for s in book.assignment_submissions("hw1")}
