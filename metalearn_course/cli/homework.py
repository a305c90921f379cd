"""`metalearn homework release | check | grade`: homework from the instructor's and the student's side."""

from dataclasses import dataclass
from typing import Annotated

from metalearn_course.cli.options import at_least
from metalearn_course.cli.signatures import add_options as add_keywords
from metalearn_course.cli.signatures import made


@dataclass(kw_only=True)
class Release:
    """Write a homework without solutions and hidden tests (needs the extra "homework").

    name: hw1, hw2, …
    out: the folder to write it to
    """

    name: str
    out: str = "."


@dataclass(kw_only=True)
class Check:
    """Run the public tests of a notebook, at the student's desk.

    notebook: the file, such as hw2.ipynb
    """

    notebook: str


@dataclass(kw_only=True)
class Grade:
    """Mark a folder of submissions into a table and a page per student.

    folder: holds STUDENT/hw2.ipynb, or files named STUDENT_hw2.ipynb
    out: the folder to write marks.csv and the pages to
    seed: of the hidden tests
    seconds: for one answer; whoever takes longer loses that test
    sources: folder of the source notebooks (default: the course's own)
    """

    folder: str
    out: str = "marks"
    seed: int | None = None
    seconds: Annotated[int, at_least(1)] = 120
    sources: str | None = None


ACTIONS = {"release": Release, "check": Check, "grade": Grade}


def add_options(parser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    for name, options in ACTIONS.items():
        said = (options.__doc__ or name).splitlines()[0]
        add_keywords(actions.add_parser(name, help=said, description=said), options)


def run(args) -> None:
    """Do what the action says, and print what came of it."""
    options = made(ACTIONS[args.action], args)
    DO[args.action](options)


def _release(options: Release) -> None:
    from metalearn_course.homework import release

    print(release(options.name, options.out))


def _check(options: Check) -> None:
    from metalearn_course.homework.check import check, report

    print(report(check(options.notebook)))


def _grade(options: Grade) -> None:
    from metalearn_course.homework import grade

    results = grade(options.folder, options.out, options.seed, options.seconds, options.sources)
    for result in results:
        print(f"{result.student:24} {result.homework} {result.total:5g} of {result.possible:g}  {result.note[:60]}")
    print(f"{options.out}/marks.csv, and a page per student in {options.out}/index.html")


DO = {"release": _release, "check": _check, "grade": _grade}
