"""Exercises: a stub in the notebook, a check that says how it stands, a solution on demand.

An exercise lives in metalearn_course/lessons/exercises/ as a reference solution (the function itself), with
the cases that the reader's version is compared on.
"""

import importlib
import inspect
from collections.abc import Callable
from typing import NamedTuple

import torch


class Exercise(NamedTuple):
    """What an attempt is held to."""

    solution: Callable
    cases: Callable[[], list[tuple]]  # arguments to call both with, made afresh
    hint: str
    observe: Callable[[Callable], Callable] = lambda function: function  # what of a function is compared


def check(number: str, attempt: Callable) -> str:
    """How the reader's function stands, in one line; never an exception."""
    exercise = find(number)
    cases = exercise.cases()
    for position, arguments in enumerate(cases, 1):
        expected = exercise.observe(exercise.solution)(*arguments)
        try:
            found = exercise.observe(attempt)(*arguments)
        except NotImplementedError:
            return f"{number}: not attempted yet."
        except Exception as error:
            return f"{number}: case {position} of {len(cases)} raised {type(error).__name__}: {error}"
        if found is None:
            return f"{number}: case {position} of {len(cases)} returned None; is the return missing?"
        try:
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        except (AssertionError, TypeError, ValueError) as error:
            reason = " ".join(filter(None, str(error).strip().splitlines()[:3]))
            return f"{number}: not yet. Case {position} of {len(cases)}: {reason} Hint: {exercise.hint}"
    return f"{number}: right, on {len(cases)} cases."


def solution(number: str) -> None:
    """Print the reference solution."""
    print(inspect.getsource(find(number).solution).rstrip())


def find(number: str) -> Exercise:
    """The exercise "4.2" is the second of lesson 4."""
    lesson, _, position = number.partition(".")
    try:
        module = importlib.import_module(f"metalearn_course.lessons.exercises.lesson{int(lesson):02d}")
        return dict(enumerate(module.EXERCISES, 1))[int(position)]
    except (ImportError, ValueError, KeyError) as error:
        raise ValueError(f"there is no exercise {number!r}; they are numbered lesson.position, such as 4.1") from error
