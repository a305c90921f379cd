"""The zero-shot task on kanji, and what is measured of a learner on it."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from metalearn_course.applications import kanji_descriptions as words
from metalearn_course.applications import zero_shot_evaluation as evaluation
from metalearn_course.applications.zero_shot import Described, ProtoNetZero
from metalearn_course.datasets import ImageClasses, kanji, kanji_parts

TRAINED_ON, CHOSEN_ON, TESTED_ON = range(16), (16, 17), (18, 19)  # pictures of each training class
WEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.5)  # of a picture beside a description, to choose from


class Task(NamedTuple):
    """Classes to train on, and those that are never seen."""

    train: Described
    validation: Described
    test: Described
    columns: dict[str, int]  # of the words of a description


def load(aspects: Sequence[str] = words.ASPECTS, most: int = 12, **sizes) -> Task:
    """The kanji of up to `most` strokes; the words are those of at least two training classes."""
    made = kanji_parts.load_compositions(most)
    parts = words.split(kanji.load(most=most), made, **sizes)
    described = [[words.words(made[name], aspects) for name in part.names] for part in parts]
    columns = words.vocabulary(described[0], fewest=2)
    return Task(*(Described(*each) for each in zip(parts, (words.encode(d, columns) for d in described))), columns)


@torch.no_grad()
def embed(net: ProtoNetZero, images: ImageClasses, numbers: Sequence[int] | None = None) -> Tensor:
    """Unit vectors (classes, pictures, dim) of the pictures of the given numbers, all by default."""
    chosen = torch.as_tensor(numbers if numbers is not None else range(int(images.counts.min())))
    parts = torch.arange(len(images)).split(50)
    pictures = (images.pictures(c[None], chosen.expand(1, len(c), -1))[0] for c in parts)
    return torch.cat([net.embed(x.flatten(0, 1)).unflatten(0, x.shape[:2]) for x in pictures])


class Embedded(NamedTuple):
    """Everything that is measured of a learner, as unit vectors: pictures (C, K, D) and prototypes (C, D)."""

    chosen_on: Tensor  # pictures of seen classes to choose the constant on
    tested_on: Tensor  # and to test with
    seen: Tensor
    validation: Tensor
    validation_prototypes: Tensor
    test: Tensor
    test_prototypes: Tensor


@torch.no_grad()
def embed_task(net: ProtoNetZero, task: Task, chosen_on=CHOSEN_ON, tested_on=TESTED_ON) -> Embedded:
    """Embed what `measure` needs; chosen_on and tested_on: pictures of every training class."""
    seen = [embed(net, task.train.images, numbers) for numbers in (chosen_on, tested_on)]
    unseen = [(embed(net, part.images), net.prototypes(part.descriptions)) for part in (task.validation, task.test)]
    return Embedded(*seen, net.prototypes(task.train.descriptions), *unseen[0], *unseen[1])


def measure(found: Embedded) -> dict:
    """All figures of a learner; what has to be chosen is chosen on validation classes."""
    similarity = found.test @ found.test_prototypes.T  # (400, 20, 400)
    right = evaluation.top(similarity)
    figures: dict = {"top1": figure(evaluation.over_classes(right))}
    figures["top5"] = figure(evaluation.over_classes(evaluation.top(similarity, 5)))
    for n_way in (5, 20, 50):
        if n_way < len(similarity):
            figures[f"{n_way}-way"] = figure(evaluation.few_ways(similarity, n_way))
    return figures | {"generalised": generalised(found), "with_picture": with_picture(found)}


def generalised(found: Embedded) -> dict:
    """Seen, unseen and harmonic accuracy, plain and with the constant that validation classes chose."""
    choice = evaluation.margins(found.chosen_on, found.validation, found.seen, found.validation_prototypes).best()
    margins = evaluation.margins(found.tested_on, found.test, found.seen, found.test_prototypes)
    return {name: _parts(margins.at(c)) for name, c in (("plain", 0.0), ("calibrated", choice.constant))}


def with_picture(found: Embedded) -> dict:
    """Accuracy of one picture alone and of a description with one picture, and what the one adds to the other."""
    on_validation = {
        weight: _answers(found.validation, found.validation_prototypes, weight).float().mean().item()
        for weight in WEIGHTS
    }
    weight = max(on_validation, key=on_validation.__getitem__)
    alone = _answers(found.test, torch.zeros_like(found.test_prototypes), 1.0)
    both = _answers(found.test, found.test_prototypes, weight)
    figures = {"alone": evaluation.over_classes(alone), "both": evaluation.over_classes(both)}
    figures["gain"] = evaluation.paired(both, alone)
    return {"weight": weight} | {name: figure(each) for name, each in figures.items()}


def _answers(z: Tensor, prototypes: Tensor, weight: float) -> Tensor:
    """Right answers (C, answers) with one picture beside each description; five draws of that picture."""
    draws = [evaluation.with_pictures(z, prototypes, weight, seed=seed) for seed in range(5)]
    return torch.cat([evaluation.top(each) for each in draws], 1)


def figure(found: evaluation.Figure) -> dict:
    """What the ledger keeps of a figure."""
    return {"accuracy": round(found.accuracy, 5), "ci95": round(found.ci95, 5)}


def _parts(found: evaluation.Generalised) -> dict:
    figures = dict(seen=found.seen, unseen=found.unseen, harmonic=found.harmonic, constant=found.constant)
    return {name: round(figure, 5) for name, figure in figures.items()}
