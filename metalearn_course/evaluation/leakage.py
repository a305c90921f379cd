"""The guard against evaluating on classes that a learner was trained on."""

from metalearn_course.datasets import ImageClasses
from metalearn_course.learners import Learner
from metalearn_course.sampling import EpisodeSampler


def after_training_on(before: dict | None, images: ImageClasses) -> dict:
    """What a learner that has seen `before` (None: nothing) will have seen once it is trained on these classes too."""
    seen = {"dataset_hash": images.hash, "groups": sorted(set(images.groups))}
    if before is None:
        return seen
    if before["dataset_hash"] == images.hash:
        return before | {"groups": sorted({*before["groups"], *seen["groups"]})}
    return seen | {"before": before}


def refuse_training_classes(learner: Learner, sampler: EpisodeSampler) -> None:
    """ValueError where the sampler draws from groups that the learner was trained on."""
    refuse_classes(learner.trained_on, sampler.images)


def refuse_classes(trained_on: dict | None, images: ImageClasses) -> None:
    """ValueError where some of the classes, or of those that look like them, are among what was trained on."""
    known, seen = trained_on, []
    while known is not None:  # what it was trained on, and before that, and before that
        if known["dataset_hash"] == images.hash:
            seen += sorted(set(known["groups"]) & set(images.groups))
        known = known.get("before")
    if seen:
        raise ValueError(
            f"{len(seen)} groups of the classes to evaluate on were seen in training ({seen[0]!r} among them); "
            "accuracy on them says nothing about new classes. Evaluate on the validation or test part of the split."
        )
