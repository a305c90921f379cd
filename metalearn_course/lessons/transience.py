"""In context or in weights? Two ways to know a label, and which of them training finds.

Every training class has one label for good, unlike in the episodes of few-shot learning. A query whose class
stands in its context can be answered by reading the context, or by having learned the label by heart; one
whose class does not stand there, by heart alone. After Chan et al. 2022 (arXiv 2205.05055), in miniature; that
the first may fade again: Singh et al. 2023 (arXiv 2311.08360). `python -m metalearn_course.lessons.transience 0`
makes the long run with seed 0 and writes it to the ledger's folder "incontext".
"""

import sys
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course import datasets, ledger
from metalearn_course.common.progress import bar
from metalearn_course.learners import InContext
from metalearn_course.learners.embedding import EmbeddingLearner
from metalearn_course.lessons.features import FeatureClasses, Given, embed

N_WAY, N_LABELS, N_CONTEXTS = 5, 32, 32
EMBEDDING = "omniglot-protonet-5w1s"  # it has never seen a kanji


class Contexts(NamedTuple):
    """T contexts of N_WAY labelled pictures, each with queries to answer with one of N_LABELS labels."""

    known: Tensor  # (T, N_WAY, D)
    labels: Tensor  # (T, N_WAY)
    asked: Tensor  # (T, Q, D)
    answers: Tensor  # (T, Q)


class Features(NamedTuple):
    """What there is to learn from, and to test on."""

    train: Tensor  # (C, K, D)
    held: Tensor  # (C, K, D): other pictures of the same classes
    new: Tensor  # (C', K, D): classes that training does not see


def parts(train: FeatureClasses, new: FeatureClasses, n_classes: int | None = None) -> Features:
    """The first n_classes training classes, by default all, with 15 pictures each to train on, and new classes."""
    pictures = train.by_class()[:n_classes]
    return Features(pictures[:, :15], pictures[:, 15:], new.by_class())


def kanji() -> Features:
    """All kanji through the frozen EMBEDDING."""
    train, validation, _ = embed(
        cast(EmbeddingLearner, ledger.load_pretrained(EMBEDDING)), datasets.load("kanji")
    ).split(seed=0)
    return parts(train, validation)


def fixed_labels(n_classes: int, seed: int = 0) -> Tensor:
    """(n_classes,): a label for each class, for good; many classes share one."""
    return torch.randperm(n_classes, generator=torch.Generator().manual_seed(seed)) % N_LABELS


def draw(features: Tensor, labels: Tensor, n: int, bursty: float, generator: torch.Generator) -> Contexts:
    """n contexts of classes with the given features (C, K, D) and labels (C,).

    In a share `bursty` of them the queries are of the classes of the context, one each; in the others they
    are of classes that the context does not show.
    """
    n_classes, n_pictures, _ = features.shape
    context, strangers = torch.rand(n, n_classes, generator=generator).topk(2 * N_WAY).indices.split(N_WAY, -1)
    pictures = torch.rand(n, N_WAY, n_pictures, generator=generator).topk(2).indices
    shown = torch.rand(n, 1, generator=generator) < bursty
    asked = torch.where(shown, context, strangers)
    known = features[context, pictures[..., 0]]
    return Contexts(known, labels[context], features[asked, pictures[..., 1]], labels[asked])


def scores(learner: InContext, contexts: Contexts) -> Tensor:
    """(T, Q, N_LABELS) scores of all labels that there are, not of those in the context alone."""

    def one(known, labels, asked):
        return learner.scores(learner.remember(known, labels, N_LABELS), asked)

    return torch.vmap(one)(contexts.known, contexts.labels, contexts.asked)


@torch.no_grad()
def share_right(learner: InContext, contexts: Contexts) -> float:
    """The share of the queries that are answered as `contexts.answers` says."""
    return (scores(learner, contexts).argmax(-1) == contexts.answers).float().mean().item()


def measure(learner: InContext, features: Features, labels: Tensor, n: int = 200) -> dict[str, float]:
    """Shares of right answers, over n contexts each.

    context: new classes with labels drawn for the context: only reading it helps.
    weights: held-out pictures of training classes that the context does not show: only memory helps.
    swapped_context, swapped_weights: of training classes whose labels in the context have moved on by one; the
    answers that follow the context, and those that follow memory.
    """
    g = torch.Generator().manual_seed(1)
    fresh = torch.randperm(len(features.new), generator=g) % N_LABELS
    by_heart = draw(features.held, labels, n, 1.0, g)
    moved = by_heart._replace(labels=by_heart.labels.roll(1, -1))
    return dict(
        context=share_right(learner, draw(features.new, fresh, n, 1.0, g)),
        weights=share_right(learner, draw(features.held, labels, n, 0.0, g)),
        swapped_context=share_right(learner, moved._replace(answers=moved.labels)),
        swapped_weights=share_right(learner, moved),
    )


def train(
    features: Features, bursty: float, n_steps: int, every: int, seed: int = 0, lr: float = 1e-3
) -> tuple[InContext, list[dict]]:
    """A learner trained with fixed labels, and what `measure` says after every `every` steps."""
    torch.manual_seed(seed)
    labels, g = fixed_labels(len(features.train), seed), torch.Generator().manual_seed(seed)
    learner, curve = InContext(Given(features.train.shape[-1]), N_LABELS, n_codes=N_LABELS), []
    stepper = torch.optim.Adam(learner.parameters(), lr=lr)
    for step in bar(range(n_steps)):
        stepper.param_groups[0]["lr"] = lr * min(1.0, (step + 1) / 100)
        contexts = draw(features.train, labels, N_CONTEXTS, bursty, g)
        stepper.zero_grad()
        F.cross_entropy(scores(learner, contexts).flatten(0, 1), contexts.answers.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        stepper.step()
        if (step + 1) % every == 0:
            curve.append(dict(step=step + 1) | measure(learner, features, labels))
    return learner, curve


def main(seed: int, n_steps: int = 4000, every: int = 100) -> None:
    """A long run, half of its contexts bursty, written to the ledger unless it is there."""
    name = f"transience-seed{seed}"
    if name not in ledger.measured("incontext"):
        features = kanji()
        _, curve = train(features, 0.5, n_steps, every, seed)
        setup = dict(embedding=EMBEDDING, n_classes=len(features.train), bursty=0.5, seed=seed)
        ledger.record_measured("incontext", name, setup | dict(curve=curve))


if __name__ == "__main__":
    main(int(sys.argv[1]))
