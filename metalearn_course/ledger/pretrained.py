"""Learners from checkpoints: of a training run, or by name from the ledger."""

import json
import os
from pathlib import Path

from metalearn_course.learners.base import Learner
from metalearn_course.learners.registry import build
from metalearn_course.training import checkpoint


def folder() -> Path:
    """Where the ledger lies: $METALEARN_RESULTS, results/ beside the package, or inside an installed package."""
    package = Path(__file__).parents[1]
    shipped = package / "results"
    return Path(os.environ.get("METALEARN_RESULTS") or (shipped if shipped.exists() else package.parent / "results"))


def load_learner(path: str | Path) -> tuple[Learner, dict]:
    """The learner of a checkpoint, and the checkpoint's info (step, setup, what it was trained on)."""
    tensors, info = checkpoint.read(Path(path))
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
