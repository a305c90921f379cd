"""Learners from checkpoints: of a training run, or by name from the ledger."""

import json
import os
from pathlib import Path

from metalearn_course import checkpoint, files, nets
from metalearn_course.learners.abml import ABML
from metalearn_course.learners.anil import ANIL
from metalearn_course.learners.base import Learner
from metalearn_course.learners.baseline import Pretrained
from metalearn_course.learners.maml import MAML
from metalearn_course.learners.matching import MatchingNet
from metalearn_course.learners.protonet import ProtoNet
from metalearn_course.learners.reptile import Reptile
from metalearn_course.learners.vilm import VILM

LEARNERS = {
    learner.__name__: learner for learner in (MAML, ABML, ANIL, Reptile, MatchingNet, ProtoNet, Pretrained, VILM)
}
NETS = {"Conv4": nets.Conv4, "MamlNet": nets.MamlNet}


def folder() -> Path:
    """Where the ledger lies: $METALEARN_RESULTS, or results/ beside the package."""
    return Path(os.environ.get("METALEARN_RESULTS") or Path(__file__).parents[2] / "results")


def build(description: dict) -> Learner:
    """A learner, untrained, from what `training.describe` wrote down."""
    options = dict(description)
    net = dict(options.pop("net"))
    return LEARNERS[options.pop("name")](NETS[net.pop("name")](**net), **options)


def load_learner(path: str | Path) -> tuple[Learner, dict]:
    """The learner of a checkpoint, and the checkpoint's info (step, setup, what it was trained on)."""
    tensors, info = files.read(Path(path))
    learner = build(info["setup"]["learner"])
    checkpoint.restore_learner(learner, tensors)
    learner.trained_on = info["trained_on"]
    return learner, info


def load_pretrained(name: str) -> Learner:
    """A learner of the ledger by name, such as "omniglot-maml-5w1s"."""
    path = checkpoint_of(name)
    if path is None:
        known = ", ".join(sorted(p.stem for p in folder().glob("*.json"))) or "none"
        raise FileNotFoundError(f"no pretrained learner {name!r} in {folder()}; there are: {known}")
    return load_learner(path)[0]


def checkpoint_of(name: str) -> Path | None:
    """The checkpoint that an entry of the ledger names; entries of one training share one. None without an entry."""
    entry = folder() / f"{name}.json"
    return folder() / json.loads(entry.read_text())["checkpoint"] if entry.exists() else None
