"""Homework: released without solutions, checked at the student's desk, marked behind walls."""

from metalearn_course.homework.check import check
from metalearn_course.homework.grade import grade
from metalearn_course.homework.marking import hidden_seed
from metalearn_course.homework.release import release

__all__ = ["check", "grade", "hidden_seed", "release"]
