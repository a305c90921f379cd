"""Options from signatures and docstrings."""

import argparse
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from metalearn_course.cli.signatures import Parser, add_options, descriptions, made
from metalearn_course.cli.train import BY_NAME, OURS, Options


class Base:
    """A base.

    rate: of the base
    depth: how deep
    """

    def __init__(self, rate: float = 0.5, depth: int = 2):
        self.rate, self.depth = rate, depth


class Derived(Base):
    """Hands on what it does not know.

    rate: 100 % of its own,
        on two lines.
    mode, more: of two
    other: is no parameter
    """

    norms = ("query", "support")

    def __init__(self, mode: Literal["a", "b"] = "a", more: bool = False, norm: str = "query", **others):
        super().__init__(**others)
        self.mode, self.more, self.norm = mode, more, norm


@dataclass(kw_only=True)
class Kinds:
    """Every kind of option.

    name: what it is called
    """

    name: str
    flag: bool = False
    kept: bool = True
    either: bool | None = None
    pair: tuple[float, float] | None = None
    several: tuple[str, ...] | None = None
    even: Annotated[int, lambda text: 2 * int(text)] = 0
    known: Annotated[str, ("x", "y")] = "x"


def read(cls, *argv, **how):
    parser = Parser(prog="test")
    add_options(parser, cls, **how)
    return made(cls, parser.parse_args(argv))


def test_a_class_is_made_from_its_options_and_those_of_the_base_it_hands_on_to():
    found = read(Derived, "--rate", "2", "--mode", "b", "--more", "--norm", "support")
    assert (found.rate, found.depth, found.mode, found.more, found.norm) == (2.0, 2, "b", True, "support")


def test_every_kind_of_option():
    usual = read(Kinds, "me")
    assert usual == Kinds(name="me")
    asked = [
        "me",
        "--flag",
        "--no-kept",
        "--no-either",
        "--pair",
        "1",
        "2.5",
        "--several",
        "a",
        "b",
        "--even",
        "3",
        "--known",
        "y",
    ]
    found = read(Kinds, *asked)
    assert (found.name, found.flag, found.kept, found.either) == ("me", True, False, False)
    assert (found.pair, found.several, found.even, found.known) == ([1.0, 2.5], ["a", "b"], 6, "y")


@pytest.mark.parametrize("typed", ["", "me --known z", "me --pair 1", "me --several", "me --kept", "me --fla"])
def test_what_no_class_could_take_is_refused(typed, capsys):
    with pytest.raises(SystemExit) as stop:
        read(Kinds, *typed.split())
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_help_is_the_docstrings_line_and_the_class_has_the_last_word():
    found = descriptions(Derived)
    assert found["rate"] == "100 % of its own, on two lines."
    assert found["depth"] == "how deep" and found["mode"] == found["more"] == "of two"
    assert "other" not in found


def test_defaults_and_second_names_can_be_others():
    assert read(Derived, defaults={"depth": 7}).depth == 7
    assert read(Derived, "--deep", "3", aliases={"depth": "--deep"}).depth == 3
    with pytest.raises(SystemExit):
        read(Derived, "--depth", "3", skip=("depth",))


@pytest.mark.parametrize("name", BY_NAME)
def test_every_option_of_every_learner_has_help(name):
    parser = argparse.ArgumentParser()
    add_options(parser, Options)
    add_options(parser, BY_NAME[name], OURS)
    silent = [action.dest for action in parser._actions if not action.help]
    assert silent == []
