import json
import os
import subprocess
import sys

import nbformat
import pytest
from toy_homework import answered, hand_in, write_source

from metalearn_course.homework import check, release
from metalearn_course.homework.check import report


@pytest.fixture
def blank(tmp_path):
    return json.loads(release("hw7", tmp_path, write_source(tmp_path / "sources")).read_text(encoding="utf-8"))


def points(marks):
    return [one.points for one in marks]


def test_a_release_holds_no_solution_and_no_hidden_test(tmp_path):
    path = release("hw7", tmp_path, write_source(tmp_path / "sources"))
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "hw7.ipynb"
    assert "2 * x" not in text and '"meta"' not in text.replace('guess == \\"meta\\"', "")
    assert "x + x" not in text and "BEGIN" not in text and "NotImplementedError" in text
    nbformat.validate(nbformat.read(path, 4))


def test_an_unknown_homework_is_named_with_those_there_are(tmp_path):
    with pytest.raises(ValueError, match="no homework 'hw8'.*there: hw7"):
        release("hw8", tmp_path, write_source(tmp_path / "sources"))


def test_the_source_earns_everything_and_the_blank_release_nothing(tmp_path, blank):
    assert points(check(hand_in(tmp_path, "source"))) == [3, 2]
    marks = check(hand_in(tmp_path, "blank", blank))
    assert points(marks) == [0, 0]
    assert marks[0].message.startswith("not attempted yet") and marks[0].hint == "multiply by two."


def test_a_wrong_answer_loses_its_own_points_and_gets_the_message_and_the_hint(tmp_path, blank):
    marks = check(hand_in(tmp_path, "a", answered(blank, double="def double(x): return x", guess='guess = "meta"')))
    assert points(marks) == [0, 2]
    text = report(marks)
    assert "double(1) is not 2" in text and "Hint: multiply by two." in text and "2 of 5 points" in text


def test_a_right_answer_written_differently_earns_the_same(tmp_path, blank):
    for double in ("double = lambda x: x + x", "%time\ndef double(x): return torch.stack([x, x]).sum(0)"):
        assert points(check(hand_in(tmp_path, "a", answered(blank, double=double))))[0] == 3


@pytest.mark.parametrize("double", ["def double(x: return", "1 / 0", "def double(x): raise SystemExit", "double = 3"])
def test_an_answer_that_fails_is_told_and_stops_nothing(tmp_path, blank, double):
    marks = check(hand_in(tmp_path, "a", answered(blank, double=double, guess='guess = "meta"')))
    assert points(marks) == [0, 2] and marks[0].message


def test_a_missing_name_is_explained_by_the_error_of_its_cell(tmp_path, blank):
    marks = check(hand_in(tmp_path, "a", answered(blank, double="helper(3)\ndef double(x): return 2 * x")))
    assert "double is not defined" in marks[0].message and "name 'helper' is not defined" in marks[0].message


def test_what_is_no_homework_is_refused_in_words(tmp_path):
    path = hand_in(tmp_path, "a", b"no JSON")
    with pytest.raises(ValueError, match="hw7.ipynb: it is not a notebook"):
        check(path)
    with pytest.raises(ValueError, match="holds no tests"):
        check(hand_in(tmp_path, "b", b'{"cells": []}'))


def test_checking_needs_no_grader(tmp_path, blank):
    path = hand_in(tmp_path, "a", blank)
    code = (
        "import sys; sys.modules['nbgrader'] = None; sys.modules['nbformat'] = None\n"
        f"from metalearn_course.homework import check; assert len(check({str(path)!r})) == 2"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
