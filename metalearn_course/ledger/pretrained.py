"""Learners from checkpoints: of a training run, or by name from the ledger."""

import json
import os
from pathlib import Path

from metalearn_course.learners.base import Learner
from metalearn_course.learners.registry import build
from metalearn_course.training import checkpoint

PACKAGE = Path(__file__).parents[1]
SHIPPED = PACKAGE / "results"  # the course's ledger in an installed package; in a clone it lies beside the package


def folder() -> Path:
    """Where the ledger is written: $METALEARN_RESULTS, else results/ of the clone, or of the working folder."""
    usual = Path("results") if SHIPPED.exists() else PACKAGE.parent / "results"
    return Path(os.environ.get("METALEARN_RESULTS") or usual)


def folders() -> list[Path]:
    """Where the ledger is read: there first, then what an installed package brings along."""
    own = bool(os.environ.get("METALEARN_RESULTS")) or not SHIPPED.exists()
    return [folder()] if own else [folder(), SHIPPED]


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
        places = " or ".join(map(str, folders()))
        known = ", ".join(sorted({p.stem for place in folders() for p in place.glob("*.json")})) or "none"
        raise FileNotFoundError(f"no pretrained learner {name!r} in {places}; there are: {known}")
    return load_learner(path)[0]


def checkpoint_of(name: str) -> Path | None:
    """The checkpoint that an entry of the ledger names; entries of one training share one. None without an entry."""
    for place in folders():
        entry = place / f"{name}.json"
        if entry.exists():
            return place / json.loads(entry.read_text(encoding="utf-8"))["checkpoint"]
    return None
