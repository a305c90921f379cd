"""The command line, `metalearn COMMAND`. `metalearn COMMAND --help` says more.

A command is a file of this folder with two functions, `add_options(parser)` and `run(args)`, and a line in
COMMANDS. Only the file of the command that was typed is imported, so that help comes at once.
"""

import argparse
import importlib
import os
import shlex
import sys
import traceback

import metalearn_course
from metalearn_course.cli.signatures import Parser

COMMANDS = {
    "train": "meta-train a learner",
    "evaluate": "score a trained learner on new classes",
    "calibrate": "ask how far a trained learner's probabilities can be trusted",
    "predict": "name pictures of your own after one to five examples per class",
    "augment": "ask what a VILM's pictures are worth beside other further pictures",
    "data": "prepare a dataset and say what is in it",
    "results": "print the ledger of measured runs",
    "reproduce": "train and measure whatever the ledger lacks",
    "homework": "release homework, check it at your desk, mark a class",
}
USERS = (ValueError, OSError, FloatingPointError)  # what a mistake of the user's is answered with
OURS = "the course did not expect this, so it is a fault of the course and not yours; please report it with these lines"


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for a mistake of the user's, 2 for one in the command
    itself, 70 for one of ours, 130 for Ctrl-C. A mistake of the user's is answered in one line.
    """
    argv = sys.argv[1:] if argv is None else argv
    args = read(argv)
    try:
        _file_of(args.command).run(args)
    except USERS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        more = "; the same command goes on from the last checkpoint" if args.command == "train" else ""
        print(f"stopped{more}", file=sys.stderr)
        return 130
    except Exception:
        traceback.print_exc()
        print(f"error: {OURS}", file=sys.stderr)
        return 70
    return 0


def read(argv: list[str]) -> argparse.Namespace:
    """The command that argv starts with, its options, and in `typed` the whole as one types it."""
    top = Parser(prog="metalearn", description="Learn to learn from few pictures. COMMAND --help says more.")
    top.add_argument("--version", action="version", version=metalearn_course.__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, what in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what)
        command.set_defaults(parser=command)
        if argv[:1] == [name]:
            _file_of(name).add_options(command)
    args, unknown = top.parse_known_args(argv)
    if unknown:
        args.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    args.typed = _as_typed(argv)
    return args


def _file_of(command: str):
    return importlib.import_module(f"metalearn_course.cli.{command}")


def _as_typed(argv: list[str]) -> str:
    """The command as typed, for the ledger."""
    ours = "WORLD_SIZE" in os.environ
    launcher = f"torchrun --standalone --nproc-per-node {os.environ['WORLD_SIZE']} -m" if ours else "python -m"
    return f"{launcher} metalearn_course {shlex.join(argv)}"
