"""In context or in weights? Two ways to know a label, and which of them training finds.

Every training class has one label for good, unlike in the episodes of few-shot learning. A query whose class
stands in its context can be answered by reading the context, or by having learned the label by heart; one
whose class does not stand there, by heart alone. After Chan et al. 2022 (arXiv 2205.05055), in miniature.
As a script: three seeds of the long run, written to the ledger's folder "incontext".
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course.learners import InContext

N_WAY, N_CODES = 5, 32


class Contexts(NamedTuple):
    """T contexts, each with N_WAY labelled pictures, and queries to answer with one of N_CODES labels."""

    known: Tensor  # (T, N_WAY, D)
    labels: Tensor  # (T, N_WAY)
    asked: Tensor  # (T, Q, D)
    answers: Tensor  # (T, Q): what is right in training
    others: Tensor  # (T, Q): what the label by heart is, where the context says another


def draw(features: Tensor, labels: Tensor, n: int, bursty: float, generator: torch.Generator) -> Contexts:
    """n contexts of the classes with the given features (C, K, D) and labels (C,).

    In a share `bursty` of the contexts the queries, one for each class, are of the classes of the context;
    in the rest they are of other classes, and the context says nothing about them.
    """
    n_classes, n_pictures, _ = features.shape
    order = torch.rand(n, n_classes, generator=generator).topk(2 * N_WAY).indices
    context, strangers = order.split(N_WAY, -1)
    pictures = torch.rand(n, N_WAY, n_pictures, generator=generator).topk(2).indices
    shown = torch.rand(n, 1, generator=generator) < bursty
    asked = torch.where(shown, context, strangers)
    known = features[context, pictures[..., 0]]
    answers = labels[asked]
    return Contexts(known, labels[context], features[asked, pictures[..., 1]], answers, answers)


def swapped(contexts: Contexts) -> Contexts:
    """Bursty contexts whose labels have moved on by one: now context and memory disagree."""
    labels = contexts.labels.roll(1, -1)
    return contexts._replace(labels=labels, answers=labels)


def scores(learner: InContext, contexts: Contexts) -> Tensor:
    """(T, Q, N_CODES) scores of all labels there are, not of those in the context alone."""

    def one(known, labels, asked):
        return learner.scores(learner.remember(known, labels, N_CODES), asked)

    return torch.vmap(one)(contexts.known, contexts.labels, contexts.asked)


def share_right(learner: InContext, contexts: Contexts) -> float:
    """The share of queries that are answered as the context, or else the label by heart, says."""
    with torch.no_grad():
        return (scores(learner, contexts).argmax(-1) == contexts.answers).float().mean().item()
