"""The runs of the ledger: what to train, what to measure of it, and which of it is missing.

`make results` goes through the list. A training that was cut off goes on where it stopped.
"""

import itertools
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from metalearn_course.ledger import records

OMNIGLOT = "--dataset omniglot --rotations"
WIDE = f"protonet {OMNIGLOT} --n-way 30 --test-way 5 --validate-every 1000"
FIRST_ORDER = "--n-query 3 --lr-per-parameter --inner-steps 3 --test-steps 10 --lr 0.0025 --first-order --n-tasks 8"
GRADIENT = "--n-query 3 --lr-per-parameter --test-steps 3 --lr 0.0025"
BAYES = f"{GRADIENT} --n-tasks 8 --n-steps 300 --decay 0.5 --test-samples 5 --validate-every 150"
ELBO = "vilm --rotations --n-way 20 --query-weight 0 --lr 0.002 --decay 0.7"
FEWER = "--n-episodes 400 --n-query 5"
ALPHABET = "--dataset omniglot --official --reflections --warp 0.1 --n-way 30 --n-query 5 --test-way 20"
EMOJI = "--dataset emoji --reflections --warp 0.1 --colours 0.2"
IN_CONTEXT = "incontext {} --test-way 5 --n-steps 4000 --validate-every 1000"
EMOJI = "--dataset emoji --reflections --warp 0.1 --colours 0.2"
MANY_WAYS = "--n-way 20 --n-query 3 --n-tasks 1 --test-way 5 --n-steps 16000 --validate-every 4000"
FROM_5_WAYS = "--lr-per-parameter --test-steps 3 --lr 0.002 --init omniglot-maml-5w1s"


OTHERS = ("protonet-5w1s", "matchingnet-5w1s", "matchingnet-5w1s-fce", "pretrained-5w1s", "anil-5w1s")  # to calibrate


class Planned(NamedTuple):
    """One training and its measurements: entries of the ledger, with the options of `evaluate` for each."""

    train: str
    entries: dict[str, str]
    processes: int = 1  # a step of one task cannot be shared

    @property
    def out(self) -> str:
        """The folder of the run, named after its first entry."""
        return f"runs/{next(iter(self.entries))}"

    def missing(self) -> list[str]:
        """The entries that the ledger does not have yet."""
        there = records.entries()
        return [name for name in self.entries if name not in there]


def _four(name: str) -> dict[str, str]:
    """One training measured on four kinds of task."""
    shots = {"5w1s": "", "5w5s": "--k-shot 5", "20w1s": "--n-way 20", "20w5s": "--n-way 20 --k-shot 5"}
    return {name.format(task): options for task, options in shots.items()}


def _three(name: str) -> dict[str, str]:
    """One training measured on three kinds of task, for classes with too few pictures for five shots."""
    shots = {"5w1s": "", "5w3s": "--k-shot 3", "20w1s": "--n-way 20"}
    return {name.format(task): options for task, options in shots.items()}


def _two(name: str) -> dict[str, str]:
    """The same for a learner that is made for a number of classes."""
    return {entry: options for entry, options in _three(name).items() if "--n-way" not in options}


RUNS = (
    Planned(f"protonet {EMOJI} {MANY_WAYS}", _three("emoji-protonet-{}")),
    Planned(f"matching {EMOJI} {MANY_WAYS}", _three("emoji-matchingnet-{}")),
    Planned(
        f"pretrained {EMOJI} --n-way 64 --n-query 1 --test-way 5 --n-steps 6000 --validate-every 1500",
        _three("emoji-pretrained-{}"),
    ),
    Planned(f"maml {EMOJI} {GRADIENT} --n-tasks 8 --n-steps 9000 --validate-every 1500", _two("emoji-maml-{}")),
    Planned(f"anil {EMOJI} {GRADIENT} --n-tasks 8 --n-steps 9000 --validate-every 1500", _two("emoji-anil-{}")),
    Planned(f"maml {EMOJI} {FIRST_ORDER} --n-steps 6000 --validate-every 1500", _two("emoji-maml-{}-fomaml")),
    Planned(
        f"maml {EMOJI} --lr-per-parameter --test-steps 3 --lr 0.002 --init emoji-maml-5w1s --n-way 20 --n-query 2 "
        "--n-tasks 4 --n-steps 4000 --decay 0.4 --validate-every 1000",
        {"emoji-maml-20w1s": ""},
    ),
    Planned(
        "protonet --dataset cifar-fs --n-way 20 --test-way 5 --official --n-steps 20000", _four("cifar-fs-protonet-{}")
    ),
    Planned(f"maml --dataset kanji {GRADIENT} --n-steps 2500 --decay 0.4", {"kanji-maml-5w1s": ""}, 2),
    Planned(f"maml {OMNIGLOT} {GRADIENT} --n-steps 11600", {"omniglot-maml-5w1s": ""}, 2),
    Planned(
        f"maml {OMNIGLOT} {FROM_5_WAYS} --n-way 20 --n-query 2 --n-tasks 8 --n-steps 4800 --decay 0.4",
        {"omniglot-maml-20w1s": ""},
        2,
    ),
    Planned(
        f"maml {OMNIGLOT} {FROM_5_WAYS} --n-query 3 --norm support --n-steps 1300 --decay 0.6",
        {"omniglot-maml-5w1s-support": ""},
        2,
    ),
    Planned(f"{WIDE} --n-steps 20000", _four("omniglot-protonet-{}")),
    Planned(
        f"matching {OMNIGLOT} --n-way 20 --n-tasks 1 --test-way 5 --n-steps 12000 --validate-every 1000",
        {"omniglot-matchingnet-5w1s": "", "omniglot-matchingnet-20w1s": "--n-way 20"},
    ),
    Planned(
        f"pretrained {OMNIGLOT} --n-way 64 --n-query 1 --test-way 5 --n-steps 8000 --validate-every 1000",
        {"omniglot-pretrained-5w1s": "", "omniglot-pretrained-20w1s": "--n-way 20"},
    ),
    Planned(
        f"reptile {OMNIGLOT} --inner-optimizer sgd --inner-lr 0.5 --n-steps 4500 --validate-every 1500",
        {"omniglot-reptile-5w1s": "--n-episodes 600"},
        2,
    ),
    Planned(
        f"maml {OMNIGLOT} {FIRST_ORDER} --n-steps 12000 --validate-every 1000", {"omniglot-maml-5w1s-fomaml": ""}, 2
    ),
    Planned(f"abml --dataset kanji {BAYES} --init kanji-maml-5w1s", {"kanji-abml-5w1s": "--n-episodes 600"}),
    Planned(f"abml {OMNIGLOT} {BAYES} --init omniglot-maml-5w1s", {"omniglot-abml-5w1s": "--n-episodes 600"}),
    Planned(f"anil {OMNIGLOT} {GRADIENT} --n-steps 8000", {"omniglot-anil-5w1s": ""}, 2),
    Planned(f"anil {OMNIGLOT} {GRADIENT} --n-way 20 --n-tasks 8 --n-steps 1000", {"omniglot-anil-20w1s": ""}, 2),
    Planned(
        f"matching {OMNIGLOT} --n-way 20 --n-tasks 1 --test-way 5 --n-steps 12000 --validate-every 1000 --fce",
        {"omniglot-matchingnet-5w1s-fce": "", "omniglot-matchingnet-20w1s-fce": "--n-way 20"},
    ),
    *(
        Planned(f"{WIDE} --n-steps 1500 --seed {seed}", {f"omniglot-protonet-5w1s-seed{seed}": "--n-episodes 600"})
        for seed in range(3)
    ),
    Planned(f"{WIDE} --n-steps 5000 --official", _four("omniglot-protonet-{}-background")),
    Planned(f"protonet {ALPHABET} --n-steps 9000", {"omniglot-protonet-20w1s-alphabet": "--within family --n-way 20"}),
    Planned(
        f"matching {ALPHABET} --n-tasks 1 --n-steps 6000",
        {"omniglot-matchingnet-20w1s-alphabet": "--within family --n-way 20"},
    ),
    Planned(
        f"maml {OMNIGLOT} {GRADIENT} --official --n-steps 500",
        {"omniglot-maml-5w1s-background": "--n-episodes 600"},
        2,
    ),
    Planned(
        "pretrained --dataset kanji --rotations --n-way 64 --n-query 1 --test-way 5 --n-steps 2000",
        {"kanji-pretrained-5w1s": ""},
    ),
    Planned(
        f"{ELBO} --dataset kanji --init kanji-pretrained-5w1s --n-steps 5000 --validate-every 5000",
        {"kanji-vilm-20w1s": FEWER},
    ),
    Planned(
        f"{ELBO} --dataset omniglot --init omniglot-pretrained-5w1s --n-steps 8000 --validate-every 8000",
        {"omniglot-vilm-20w1s-elbo": FEWER},
    ),
    Planned(
        f"vilm {OMNIGLOT} --init omniglot-vilm-20w1s-elbo --query-weight 20 --lr 0.0005 --decay 0.7 --n-steps 900 "
        "--validate-every 900",
        {"omniglot-vilm-20w1s": FEWER, "omniglot-vilm-20w1s-m0": f"{FEWER} --m 0"},
    ),
    Planned(
        IN_CONTEXT.format(f"{OMNIGLOT} --init omniglot-protonet-5w1s --frozen"),
        {"omniglot-incontext-5w1s": "", "omniglot-incontext-20w1s": "--n-way 20"},
    ),
    Planned(
        f"incontext {OMNIGLOT} --layers 2 --n-tasks 4 --n-query 2 --test-way 5 --n-steps 5000 --validate-every 1000",
        {"omniglot-incontext-5w1s-whole": "", "omniglot-incontext-20w1s-whole": "--n-way 20"},
    ),
    Planned(
        IN_CONTEXT.format(f"{EMOJI} --init emoji-protonet-5w1s --frozen"),
        {"emoji-incontext-5w1s": "", "emoji-incontext-20w1s": "--n-way 20"},
    ),
)


def commands(run: Planned) -> list[list[str]]:
    """What to execute for a run, one after another, to complete its part of the ledger; [] where nothing is missing."""
    missing = run.missing()
    if not missing:
        return []
    start = [sys.executable, "-m"]
    if run.processes > 1:
        start += ["torch.distributed.run", "--standalone", "--nproc-per-node", str(run.processes), "-m"]
    train = [*start, "metalearn_course", "train", *shlex.split(run.train), "--out", run.out]
    evaluate = [sys.executable, "-m", "metalearn_course", "evaluate", run.out]
    return [train, *([*evaluate, *shlex.split(run.entries[name]), "--record", name] for name in missing)]


def calibrations() -> dict[str, str]:
    """The measurements of calibration by name, with the arguments of `calibrate` for each."""
    found = {f"omniglot-{each}": f"omniglot-{each}" for each in OTHERS}
    for home, asked, shots in itertools.product(("omniglot", "kanji"), ("omniglot", "kanji"), (1, 5)):
        mean = [("abml", "-mean", " --samples 0")] if shots == 1 else []
        for learner, variant, more in [("maml", "", ""), ("abml", "", ""), *mean]:
            name = f"{home}-{learner}-5w1s"
            found[f"{name}{variant}-on-{asked}-5w{shots}s"] = f"{name} --dataset {asked} --k-shot {shots}{more}"
    return {name: f"{arguments} --n-query 10 --n-episodes 300" for name, arguments in found.items()}


def augmentations() -> dict[str, str]:
    """The measurements of generated pictures by name, with the arguments of `augment` for each."""
    tasks = {
        "5w1s": "--n-episodes 200 --n-choice 50",
        "5w5s": "--n-episodes 200 --n-choice 50 --k-shot 5",
        "20w1s": "--n-episodes 200 --n-choice 50 --n-way 20 --n-query 5",
        "20w5s": "--n-episodes 100 --n-choice 30 --n-way 20 --k-shot 5 --n-query 5",
    }
    found = {f"{d}-{task}": f"{d}-vilm-20w1s {how}" for d in ("omniglot", "kanji") for task, how in tasks.items()}
    found["kanji-on-omniglot-5w1s"] = f"kanji-vilm-20w1s --dataset omniglot {tasks['5w1s']}"
    found["linear-5w1s"] = f"omniglot-vilm-20w1s --head linear {tasks['5w1s']}"
    found["tuned-5w1s"] = f"omniglot-vilm-20w1s --tune-steps 5 {tasks['5w1s']}"
    return found


def in_context() -> dict[str, str]:
    """The measurements of lesson 16 by name, with the module and the arguments that make each."""
    return {"foreign": "foreign"} | {f"transience-seed{seed}": f"transience {seed}" for seed in range(3)}


def measuring_commands(kind: str) -> list[list[str]]:
    """What to execute to complete the ledger's measurements of a kind: "calibration", "generated" or "incontext"."""
    if kind == "incontext":
        there, start = records.measured(kind), [sys.executable, "-m"]
        missing = [how for name, how in in_context().items() if name not in there]
        return [[*start, *shlex.split(f"metalearn_course.lessons.{how}")] for how in missing]
    command, planned = {"calibration": ("calibrate", calibrations), "generated": ("augment", augmentations)}[kind]
    start, there = [sys.executable, "-m", "metalearn_course", command], records.measured(kind)
    return [[*start, *shlex.split(how), "--record", name] for name, how in planned().items() if name not in there]


def reproduce(runs=RUNS) -> None:
    """Train and measure whatever the ledger lacks, run by run. ChildProcessError where a command fails."""
    for run in runs:
        _execute(commands(run))


def measure() -> None:
    """Measure whatever the ledger lacks of calibration, of generated pictures and of lesson 16."""
    for kind in ("calibration", "generated", "incontext"):
        _execute(measuring_commands(kind))


def _execute(todo: list[list[str]]) -> None:
    for command in todo:
        print("$", shlex.join(["python", *command[1:]]), flush=True)
        done = subprocess.run(command, cwd=Path.cwd())
        if done.returncode:
            raise ChildProcessError(f"that ended with status {done.returncode}; `make results` goes on from there")
