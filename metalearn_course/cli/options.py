"""The options of the command line."""

import argparse

import torch

from metalearn_course import training
from metalearn_course.cli import learner_options

DESCRIPTION = "Train, evaluate, prepare data, print results. COMMAND --help says more."


class Parser(argparse.ArgumentParser):
    """argparse answers a mistake with every option there is; the mistake alone is easier to read."""

    def error(self, message: str):
        self.exit(2, f"error: {message} ({self.prog} --help says more)\n")


class Form(argparse.ArgumentDefaultsHelpFormatter):
    """Help that names the defaults, where there is one to name."""

    def _get_help_string(self, action):
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="python -m metalearn_course", description=DESCRIPTION)
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="name")

    train = commands.add_parser("train", help="meta-train a learner")
    learners = train.add_subparsers(required=True, metavar="LEARNER", dest="learner")
    for name, defaults in learner_options.DEFAULTS.items():
        command = learners.add_parser(name, help=defaults["help"], formatter_class=Form)
        _train_options(command, defaults)
        learner_options.ADD[name](command)

    score = commands.add_parser("evaluate", help="score a trained learner on new classes", formatter_class=Form)
    _measuring_options(score)
    score.add_argument("--steps", type=at_least(0), help="inner steps (default: the learner's test steps)")
    score.add_argument("--m", type=at_least(0), help="pictures a class that a VILM generates (default: its own m)")
    score.add_argument("--record", metavar="NAME", help="write the result and the checkpoint to the ledger as NAME")

    trust = commands.add_parser(
        "calibrate", help="ask how far a trained learner's probabilities can be trusted", formatter_class=Form
    )
    _measuring_options(trust)
    trust.add_argument("--samples", type=at_least(0), help="draws of ABML's weights; 0: the posterior's mean alone")
    trust.add_argument(
        "--n-validation", type=at_least(1), default=100, help="validation episodes that a temperature is fitted to"
    )
    trust.add_argument("--record", metavar="NAME", help="write the result to the ledger's folder calibration as NAME")

    more = commands.add_parser(
        "augment", help="ask what a VILM's pictures are worth beside other further pictures", formatter_class=Form
    )
    _augment_options(more)

    data = commands.add_parser("data", help="prepare a dataset and describe it", formatter_class=Form)
    _data_options(data)

    commands.add_parser("results", help="print the ledger of measured runs")
    again = commands.add_parser("reproduce", help="train and measure whatever the ledger lacks")
    again.add_argument("--list", action="store_true", help="say what is there and what is missing, and stop")
    return top


def _measuring_options(score) -> None:
    """Which learner, on which episodes."""
    score.add_argument("learner", metavar="RUN", help="folder of a run, or the name of a ledger entry")
    _data_options(score, default=None)
    score.add_argument("--part", choices=["validation", "test"], default="test")
    score.add_argument("--n-way", type=int, help="classes a task, for learners that take any (default: the run's)")
    score.add_argument("--k-shot", type=int, help="pictures a class to learn from (default: as in training)")
    score.add_argument("--n-query", type=int, default=15, help="queries a class")
    score.add_argument("--n-episodes", type=int, default=1000)
    _device_options(score)


def _augment_options(more) -> None:
    _measuring_options(more)
    more.set_defaults(n_way=5, k_shot=1, n_query=10, n_episodes=400)
    more.add_argument("--n-choice", type=at_least(2), default=100, help="validation episodes that choose the weights")
    more.add_argument("--head", choices=["linear", "cosine"], help="what is fitted (default: as in training)")
    more.add_argument("--tune-steps", type=at_least(0), help="steps that move the net too (default: as in training)")
    more.add_argument("--tune-lr", type=float, help="their rate")
    more.add_argument("--temperature", type=float, help="deviation of z in generated pictures")
    more.add_argument("--class-temperature", type=float, help="that of c, times q's")
    more.add_argument("--record", metavar="NAME", help="write the result to the ledger's folder generated as NAME")


def _train_options(train, defaults: dict) -> None:
    """What every learner's training takes; the defaults are the learner's."""
    shots = "" if defaults["test_shot"] else " (default: as in training)"
    _data_options(train)
    train.add_argument("--n-way", type=int, default=defaults["n_way"], help="classes a task in training")
    train.add_argument("--k-shot", type=int, default=defaults["k_shot"], help="support pictures a class in training")
    train.add_argument("--n-query", type=int, default=defaults["n_query"], help="query pictures a class")
    train.add_argument("--test-way", type=int, help="classes a task in validation (default: as in training)")
    train.add_argument(
        "--test-shot", type=int, default=defaults["test_shot"], help=f"support pictures a class in validation{shots}"
    )
    train.add_argument("--rotations", action="store_true", help="train on every class in four orientations")
    train.add_argument("--official", action="store_true", help="the dataset's official split (Omniglot)")
    train.add_argument("--split-seed", type=at_least(0), default=0, help="seed of the random split by class")
    train.add_argument("--downsample", choices=["stride", "max"], default="stride", help="how Conv4 halves pictures")
    train.add_argument("--init", metavar="RUN", help="start from the net of this run or ledger entry")
    train.add_argument("--n-steps", type=int, default=2000, help="meta-steps")
    train.add_argument("--n-tasks", type=int, default=defaults["n_tasks"], help="tasks a meta-step")
    train.add_argument("--optimizer", choices=["adam", "sgd"], default=defaults["optimizer"], help="outer optimiser")
    train.add_argument("--lr", type=float, default=defaults["lr"], help="outer learning rate")
    train.add_argument(
        "--decay", type=float, default=defaults["decay"], help="last share of the steps, over which lr falls to 0"
    )
    train.add_argument("--validate-every", type=int, default=500, help="steps between validations")
    train.add_argument("--seed", type=at_least(0), default=0, help="seed of weights and tasks")
    train.add_argument("--out", help="folder of the run (default: runs/DATASET-LEARNER-…)")
    _device_options(train)
    train.add_argument("--precision", choices=training.PRECISIONS, default="float32")


def _data_options(command, default: str | None = "kanji") -> None:
    more = "" if default else " (default: the one of the run)"
    command.add_argument("--dataset", default=default, help=f'"kanji", "omniglot" or "folder:PATH"{more}')
    command.add_argument("--root", help="folder with Omniglot's archives")


def _device_options(command) -> None:
    command.add_argument("--device", type=_device, default="cuda" if torch.cuda.is_available() else "cpu")
    command.add_argument("--threads", type=at_least(1), help="threads of this process (default: PyTorch's choice)")


def at_least(least: int):
    """The type of an option that counts something, and of seeds."""

    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        if int(text) >= 2**63:
            raise argparse.ArgumentTypeError(f"{text} is too large")
        return int(text)

    number.__name__ = "whole number"  # what argparse calls it
    return number


def _device(name: str) -> str:
    """The name of a device that this machine has."""
    try:
        device = torch.device(name)
        cuda = device.type == "cuda"
        here = (device.index or 0) < torch.cuda.device_count() if cuda else torch.zeros(1, device=device).item() == 0
    except (RuntimeError, AssertionError):  # not a name of a device; a device that this PyTorch was built without
        here = False
    if not here:
        raise argparse.ArgumentTypeError(f"this machine has no device {name!r}; cpu always works")
    return name
