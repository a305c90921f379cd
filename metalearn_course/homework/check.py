"""The public tests of a homework at the student's desk; no grader and no solution is needed."""

from pathlib import Path

from metalearn_course.homework import notebook
from metalearn_course.homework.answers import Answers
from metalearn_course.homework.marking import Mark, mark, prepare


def check(path: str | Path) -> list[Mark]:
    """Run the set-up and answer cells of a notebook, then its public tests; a mark per test.

    Only these cells run, as in the marking: what an answer needs has to stand in an answer cell.
    ValueError where the file is no homework.
    """
    try:
        homework = notebook.read(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not homework.of("test"):
        raise ValueError(f"{path} holds no tests; is it a homework of the course, as it was released?")
    answers = Answers()
    errors = prepare(homework, answers)
    marks = mark(homework, answers, hidden=False)
    return [one._replace(message=explained(one.message, errors)) for one in marks]


def explained(message: str, errors: dict[str, str]) -> str:
    """A message about a name that is missing, with the error that kept it from being defined."""
    if "is not defined" not in message or not errors:
        return message
    return message + "; " + "; ".join(f"the cell {cell} raised {error}" for cell, error in errors.items())


def report(marks: list[Mark]) -> str:
    """The marks in lines to read: points per question, and a hint for each test that failed."""
    lines = []
    for one in marks:
        lines.append(f"{one.test:<24} {one.points:g} of {one.possible:g}")
        if one.message:
            lines.append(f"    {one.message}")
            lines += [f"    Hint: {one.hint}"] if one.hint else []
    total, possible = (sum(points) for points in zip(*((one.points, one.possible) for one in marks)))
    return "\n".join([*lines, f"{total:g} of {possible:g} points by the public tests; hidden ones use other data"])
