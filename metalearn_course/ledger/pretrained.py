"""Learners from checkpoints: of a training run, or by name from the ledger."""

import json
import os
from pathlib import Path

from metalearn_course.learners.base import Learner
from metalearn_course.learners.registry import build, describe
from metalearn_course.training import checkpoint

PACKAGE = Path(__file__).parents[1]
SHIPPED = PACKAGE / "results"  # the course's ledger in an installed package; in a clone it lies beside the package


def folder() -> Path:
    """Where the ledger is written: $METALEARN_RESULTS, else results/ of the clone, or of the working folder."""
    usual = Path("results") if SHIPPED.exists() else PACKAGE.parent / "results"
    return Path(os.environ.get("METALEARN_RESULTS") or usual)


def folders() -> list[Path]:
    """Where the ledger is read: there first, then what an installed package brings along."""
    return [folder(), SHIPPED] if SHIPPED.exists() else [folder()]


def load_learner(path: str | Path, into: Learner | None = None) -> tuple[Learner, dict]:
    """The learner of a checkpoint, and the checkpoint's info (step, setup, what it was trained on).

    path: a checkpoint, or the folder of a run: its best checkpoint, else its last one.
    into: a learner made as the trained one was, which takes the weights and is returned; needed where the
    learner or its net is a reader's own, which a checkpoint cannot make anew.
    FileNotFoundError where there is no checkpoint; ValueError where it is not one of the course's, or `into`
    is another learner than it holds.
    """
    path = _checkpoint_at(Path(path))
    tensors, info = checkpoint.read(path)
    if "learner" not in info["setup"]:
        raise ValueError(f"{path} holds no learner: it was not written by training.fit")
    try:
        learner = build(info["setup"]["learner"]) if into is None else into
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error
    odd = _differences(info["setup"]["learner"], describe(learner))
    if into is not None and odd:
        raise ValueError(f"{path} holds another learner than into: {'; '.join(odd)}. Make into as it was made there")
    try:
        checkpoint.restore_learner(learner, tensors)
    except RuntimeError as error:
        raise ValueError(f"the weights of {path} do not fit the learner ({error})") from error
    learner.trained_on = info["trained_on"]
    return learner, info


def _checkpoint_at(path: Path) -> Path:
    """The file itself, or a run's best checkpoint, else its last one."""
    candidates = [path / "best.safetensors", path / "last.safetensors"] if path.is_dir() else [path]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    wanted = " and no ".join(candidate.name for candidate in candidates)
    raise FileNotFoundError(f"no checkpoint: there is no {wanted}{f' in {path}' if path.is_dir() else f' at {path}'}")


def _differences(there: dict, here: dict, name: str = "") -> list[str]:
    """What two descriptions say differently, in words."""
    here = json.loads(json.dumps(here))  # as it was written: tuples became lists
    odd = []
    for key in dict.fromkeys([*there, *here]):
        a, b = there.get(key), here.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            odd += _differences(a, b, f"{name}{key}.")
        elif a != b:
            odd.append(f"{name}{key} is {a!r} there and {b!r} here")
    return odd


def load_pretrained(name: str) -> Learner:
    """A learner of the ledger by name, such as "omniglot-maml-5w1s".

    FileNotFoundError where the ledger has none of this name; the message says those that there are.

    >>> learner = load_pretrained("omniglot-maml-5w1s")
    >>> type(learner).__name__, learner.n_way, learner.net.image_size
    ('MAML', 5, 28)
    """
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
