"""The guard against evaluating on classes that a learner was trained on.

A learner remembers the pictures of its training classes, a few ids of each (`ImageClasses.seen_ids`), so that it
knows the classes again under any name: a renamed folder, an added picture, an inverted copy hide nothing. Within
the dataset that it was trained on it also remembers the groups: a class that looks like one it has seen is none
that it has not seen.
"""

import torch

from metalearn_course.datasets import ImageClasses
from metalearn_course.learners import Learner
from metalearn_course.sampling import EpisodeSampler

IDS = "picture_ids"  # the key of the one tensor in what a learner was trained on
NAMED = 5  # classes that a refusal names


def after_training_on(before: dict | None, images: ImageClasses) -> dict:
    """What a learner that has seen `before` (None: nothing) will have seen once it is trained on these classes too.

    "picture_ids": int64, of all its training classes; "dataset_hash" and "groups": of the last dataset that it was
    trained on; "before": the same two of the datasets before that.
    """
    ids, groups = images.seen_ids(), set(images.groups)
    if before is not None:
        ids = torch.cat([ids, before.get(IDS, ids)]).unique()
        before = without_ids(before)
        if before["dataset_hash"] == images.hash:
            return before | {"groups": sorted(groups.union(before["groups"])), IDS: ids}
    seen = {"dataset_hash": images.hash, "groups": sorted(groups), IDS: ids}
    return seen if before is None else seen | {"before": before}


def without_ids(trained_on: dict) -> dict:
    """What a learner was trained on, as far as JSON can say it."""
    return {key: value for key, value in trained_on.items() if key != IDS}


def refuse_training_classes(learner: Learner, sampler: EpisodeSampler) -> None:
    """ValueError where the sampler draws from classes that the learner was trained on, or from their look-alikes."""
    refuse_classes(learner.trained_on, sampler.images)


def refuse_classes(trained_on: dict | None, images: ImageClasses) -> None:
    """The same of what a learner was trained on and of the classes that it is to be evaluated on."""
    seen = _seen_among(images, trained_on or {})
    if seen:
        names = ", ".join(repr(images.names[c]) for c in seen[:NAMED])
        names += f" and {len(seen) - NAMED} more" if len(seen) > NAMED else ""
        raise ValueError(
            f"{len(seen)} of the {len(images)} classes to evaluate on were seen in training, or are in a group with "
            f"one that was: {names}. Accuracy on them says nothing about new classes; evaluate on the validation or "
            "test part of the split, or leave them out."
        )


def _seen_among(images: ImageClasses, trained_on: dict) -> list[int]:
    """The classes that are known by their pictures, or by their group in the dataset of training."""
    found = set(images.classes_among(trained_on[IDS])) if IDS in trained_on else set()
    known = trained_on
    while known:  # what it was trained on, and before that, and before that
        if known["dataset_hash"] == images.hash:
            groups = set(known["groups"])
            found |= {c for c, group in enumerate(images.groups) if group in groups}
        known = known.get("before")
    return sorted(found)
