"""Every learner of the ledger knows its training classes again, whatever they are called."""

from dataclasses import replace
from pathlib import Path

import pytest

from metalearn_course import datasets
from metalearn_course.evaluation.leakage import refuse_classes
from metalearn_course.training import checkpoint

CHECKPOINTS = sorted((Path(__file__).parents[2] / "results").glob("*.safetensors"))


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_a_learner_of_the_ledger_refuses_its_training_classes_under_another_name(path, request):
    _, info = checkpoint.read(path)
    name, notes = info["setup"]["dataset"][0], info["notes"]
    images = request.getfixturevalue("omniglot") if name == "omniglot" else datasets.load(name)
    other = tuple(f"other {c}" for c in range(len(images)))
    parts = images.split(notes.get("split_seed", 0), official=notes.get("official", False))
    train, validation, test = (
        replace(part, name="other", hash="other", names=other[: len(part)], groups=other[: len(part)]) for part in parts
    )
    with pytest.raises(ValueError, match=f"{len(train)} of the {len(train)} classes to evaluate on were seen"):
        refuse_classes(info["trained_on"], train)
    for part in (validation, test):
        refuse_classes(info["trained_on"], part)
