"""The list of lessons against the lessons that are here, and its map."""

from pathlib import Path

from matplotlib.text import Text

from metalearn_course.lessons import plots, syllabus

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def test_the_lessons_that_are_here_are_those_listed():
    assert {lesson.file for lesson in syllabus.LESSONS if lesson.file} == {p.name for p in NOTEBOOKS.glob("*.ipynb")}


def test_a_lesson_needs_only_earlier_ones():
    before = set()
    for lesson in syllabus.LESSONS:
        assert set(lesson.needs) <= before, lesson.number
        before.add(lesson.number)


def test_the_short_path_can_be_read_in_order():
    path = [lesson for lesson in syllabus.LESSONS if lesson.short_path]
    numbers = {lesson.number for lesson in path}
    assert all(lesson.file and set(lesson.needs) <= numbers for lesson in path)


def test_no_two_lessons_share_a_place_on_the_map():
    places = {(lesson.family, lesson.column) for lesson in syllabus.LESSONS}
    assert len(places) == len(syllabus.LESSONS)
    assert {lesson.family for lesson in syllabus.LESSONS} == set(syllabus.FAMILIES)


def test_the_map_names_every_lesson():
    said = "".join(text.get_text() for text in plots.course_map().findobj(Text))
    assert all(lesson.title in said for lesson in syllabus.LESSONS)
