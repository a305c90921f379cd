"""Marking: the tests of a homework, run by the marker over answers that come as data.

The tests run in the marker's own process and namespace. A name of the student's stands there for a
question to the student's process (`answers.stand_in`), so no test shares a library, an `assert` or a
variable with the code that it judges.
"""

import ast
import contextlib
import os
import signal
import threading
from collections.abc import Generator
from typing import NamedTuple

from metalearn_course.homework.answers import AnswerError, Asked, stand_in
from metalearn_course.homework.notebook import Cell, Homework

SEED = "METALEARN_HOMEWORK_SEED"
TEST_SECONDS = 600  # for one test, the student's computing included


class Mark(NamedTuple):
    """How one test ended."""

    test: str
    points: float
    possible: float
    message: str  # "" where the test passed
    hint: str


def hidden_seed() -> int:
    """The seed of hidden tests: the marker's own (METALEARN_HOMEWORK_SEED), or the usual one."""
    return int(os.environ.get(SEED, "20261"))


def prepare(homework: Homework, answers: Asked, setup: Homework | None = None) -> dict[str, str]:
    """Run set-up and answer cells for the student; the errors by name of the cell."""
    errors = {}
    for cell in [*(setup or homework).of("setup"), *homework.of("answer")]:
        try:
            answers.ask("run", cell.name, cell.source)
        except AnswerError as error:
            errors[cell.name] = str(error)
    return errors


def mark(tests: Homework, answers: Asked, hidden: bool) -> list[Mark]:
    """One mark per test. As in a notebook, a test may use what an earlier one has kept in a variable."""
    scope: dict = {"__name__": "marking"}
    for cell in tests.of("setup"):
        exec(compile(cell.source, f"<{cell.name}>", "exec"), scope)
    return [_mark(cell, scope, answers, tests.names(), hidden) for cell in tests.of("test")]


def _mark(cell: Cell, scope: dict, answers: Asked, names: set[str], hidden: bool) -> Mark:
    parts = [("", cell.public)] + ([("hidden test: ", cell.hidden)] if hidden else [])
    for what, source in parts:
        try:
            with _time_limit(TEST_SECONDS):
                scope.update({name: stand_in(answers, name) for name in sorted(_used(source) & names)})
                exec(compile(source, f"<{cell.name}>", "exec"), scope)
        except Exception as error:
            return Mark(cell.name, 0, cell.points, what + _words(error), cell.hint)
    return Mark(cell.name, cell.points, cell.points, "", cell.hint)


def _used(source: str) -> set[str]:
    """Every name that occurs in the source."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def _words(error: Exception) -> str:
    """An error in one or two lines."""
    text = " ".join(str(error).split()) or "the test failed"
    kind = "" if isinstance(error, AssertionError | AnswerError) else f"{type(error).__name__}: "
    return f"{kind}{text}"[:400]


@contextlib.contextmanager
def _time_limit(seconds: int) -> Generator[None]:
    """TimeoutError after so many seconds, where the platform has an alarm clock."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_):
        raise TimeoutError(f"the test took more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
