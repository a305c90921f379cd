"""A student's answers as something that can be asked: run a cell, call a function, look at a variable.

`respond` is all that a student's process does. At the student's own desk it is called directly (`Answers`);
while a class is marked it runs in a process of its own (`sandbox.client.Remote`). In both, what goes in and
comes out passes through `exchange`, so that the two agree.
"""

import linecache
from collections.abc import Callable
from typing import Any, Protocol

from metalearn_course.homework import exchange


class AnswerError(Exception):
    """What became of a question to a student's code, in words."""


def respond(namespace: dict, request: bytes) -> bytes:
    """Do what the request says in the student's namespace; the answer or the error, as bytes."""
    try:
        kind, *rest = exchange.unpack(request)
        return exchange.pack(("ok", DO[kind](namespace, *rest)))
    except NotImplementedError:
        return exchange.pack(("error", "not attempted yet"))
    except BaseException as error:  # SystemExit and KeyboardInterrupt of the student's own too
        return exchange.pack(("error", f"{type(error).__name__}: {error}"[:2000]))


def _run(namespace: dict, name: str, source: str) -> None:
    file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # inspect may ask
    exec(compile(source, file, "exec"), namespace)


def _call(namespace: dict, name: str, args: tuple, kwargs: dict) -> Any:
    return _get(namespace, name)(*args, **kwargs)


def _get(namespace: dict, name: str) -> Any:
    if name not in namespace:
        raise NameError(f"{name} is not defined; its answer cell is missing or raised an error")
    return namespace[name]


def _is_callable(namespace: dict, name: str) -> bool:
    return callable(_get(namespace, name))


DO: dict[str, Callable] = {"run": _run, "call": _call, "get": _get, "callable": _is_callable}


class Asked(Protocol):
    """Whatever can be asked: `Answers`, and `sandbox.client.Remote`."""

    def ask(self, *request) -> Any:
        """What `respond` says to a request; AnswerError where the student's code fails."""


class Answers:
    """Answers in this very process: for the student's own desk, and for the source notebook."""

    def __init__(self):
        self.namespace: dict = {"__name__": "__main__"}

    def ask(self, *request) -> Any:
        """What `respond` says to a request; AnswerError where the student's code fails."""
        return verdict(respond(self.namespace, exchange.pack(request)))


def verdict(data: bytes) -> Any:
    """The value in a response, or its error raised."""
    try:
        kind, value = exchange.unpack(data)
    except (ValueError, TypeError) as error:
        raise AnswerError(f"the answer is no data ({error})") from error
    if kind != "ok":
        raise AnswerError(str(value)[:2000])
    return value


def stand_in(answers, name: str) -> Any:
    """What a test sees under a name of the student's: a function that asks, or the value of a variable."""
    if not answers.ask("callable", name):
        return answers.ask("get", name)

    def ask(*args, **kwargs):
        return answers.ask("call", name, args, kwargs)

    ask.__name__ = name
    return ask
