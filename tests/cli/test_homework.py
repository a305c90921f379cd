"""`metalearn homework`: the three actions, from a release to the marks."""

import pytest
from toy_homework import hand_in, write_source

from metalearn_course.cli.main import main
from metalearn_course.homework import sources


def test_release_check_and_grade(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sources, "FOLDER", write_source(tmp_path / "sources"))
    assert main(["homework", "release", "hw7", "--out", str(tmp_path / "blank")]) == 0
    released = tmp_path / "blank" / "hw7.ipynb"
    assert capsys.readouterr().out == f"{released}\n"
    assert main(["homework", "check", str(released)]) == 0
    assert "Hint: multiply by two." in capsys.readouterr().out
    hand_in(tmp_path / "class", "ada", released.read_bytes(), guess="'meta'")
    hand_in(tmp_path / "class", "bob")
    assert main(["homework", "grade", str(tmp_path / "class"), "--out", str(tmp_path / "marks")]) == 0
    out = capsys.readouterr().out
    assert "ada" in out and "0 of 5" in out and "5 of 5" in out
    assert (tmp_path / "marks" / "marks.csv").exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["release", "hw99"], "there is no homework 'hw99'"),
        (["check", "nowhere.ipynb"], "nowhere.ipynb: it is not a plain file"),
        (["grade", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_a_mistake_is_answered_in_one_line(typed, said, capsys):
    assert main(["homework", *typed]) == 1
    assert capsys.readouterr().err.startswith(f"error: {said}")
