"""How far a learner's probabilities can be trusted: calibration, and entropy on classes outside the episode.

Works on what every learner returns. A learner whose logits are logarithms of averaged probabilities
(ABML) is judged by these averages. ECE, MCE and AUROC are computed by torchmetrics.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.functional.classification import binary_auroc, multiclass_calibration_error

from metalearn_course.evaluation import predicted
from metalearn_course.learners import Learner
from metalearn_course.sampling import EpisodeSampler

BELOW_ONE = 1 - 1e-7  # torchmetrics puts a confidence of exactly 1 in a bin of its own


class Calibration(NamedTuple):
    """Three errors of probabilities; 0 is perfect."""

    ece: float  # mean over pictures of |confidence - accuracy| of their bin
    mce: float  # the largest |confidence - accuracy| of a bin
    brier: float  # mean squared distance to the one-hot label, 0..2 (Brier 1950)


class Reliability(NamedTuple):
    """Bins of equal width of the confidence, each tensor (n_bins,); NaN where a bin is empty."""

    confidence: Tensor
    accuracy: Tensor
    count: Tensor


class Aliens(NamedTuple):
    """Entropies of predictions for queries of the task's classes and of others, and how well they tell these apart."""

    auroc: float  # 0.5: not at all; 1: every alien is less certain than every query of the task
    inside: Tensor  # (E*Q,), nats
    outside: Tensor  # (E*A,), nats


def predictions(
    learner: Learner,
    sampler: EpisodeSampler,
    n_episodes: int = 600,
    norm: str | None = None,
    seed: int = 0,
    batch: int = 20,
    **options,
) -> tuple[Tensor, Tensor]:
    """Probabilities (E*Q, N) and labels (E*Q,) on the episodes that `evaluate` scores for this seed.

    Episodes come one after another: probabilities.view(E, Q, N). norm and options as in `evaluate`.
    """
    parts = []
    for _, episodes, logits in predicted(learner, sampler, n_episodes, norm or learner.norm, seed, batch, **options):
        parts.append((logits.softmax(-1).flatten(0, 1).cpu(), episodes.query.y.flatten().cpu()))
    probabilities, labels = map(torch.cat, zip(*parts))
    return probabilities, labels


def calibration(probabilities: Tensor, labels: Tensor, n_bins: int = 15) -> Calibration:
    """Errors of probabilities (M, N) for labels (M,). ECE and MCE after Guo et al. 2017, arXiv 1706.04599."""
    p, n = _below_one(probabilities), probabilities.shape[-1]
    ece, mce = (multiclass_calibration_error(p, labels, n, n_bins, kind).item() for kind in ("l1", "max"))
    brier = (probabilities - F.one_hot(labels, n)).pow(2).sum(-1).mean().item()
    return Calibration(ece, mce, brier)


def reliability(probabilities: Tensor, labels: Tensor, n_bins: int = 15) -> Reliability:
    """What a reliability diagram shows; the bins are those of `calibration`."""
    confidence, answer = _below_one(probabilities).max(-1)
    edges = torch.linspace(0, 1, n_bins + 1, device=confidence.device)
    member = F.one_hot(torch.bucketize(confidence, edges, right=True) - 1, n_bins).to(confidence.dtype)  # (M, n_bins)
    count = member.sum(0)
    return Reliability(confidence @ member / count, (answer == labels).to(member) @ member / count, count.long())


def entropy(probabilities: Tensor) -> Tensor:
    """-sum_c p_c log p_c in nats: (..., N) -> (...); 0 where one class is certain, log N where all are alike."""
    return torch.special.entr(probabilities).sum(-1)


def alien_auroc(
    learner: Learner,
    sampler: EpisodeSampler,
    n_episodes: int = 600,
    norm: str | None = None,
    seed: int = 0,
    n_alien: int | None = None,
    batch: int = 20,
    **options,
) -> Aliens:
    """How well the entropy of a prediction tells queries of the task's classes from those of others.

    The sampler says what a task is. To each, n_alien more classes are drawn (n_way by default), with as
    many queries and no support. norm: an inductive one, by default the learner's own where that is inductive.
    """
    norm = norm or inductive_norm(learner)
    if norm == "query":
        raise ValueError(
            "norm='query' normalises the queries with each other, so that aliens would change the predictions of "
            "the rest; choose norm='support', which predicts every query on its own"
        )
    n_way = sampler.n_way
    n_alien = n_way if n_alien is None else n_alien
    if n_alien < 1:
        raise ValueError(f"n_alien={n_alien}: a task needs at least one class outside it")
    wider = EpisodeSampler(sampler.images, n_way + n_alien, sampler.k_shot, sampler.n_query)
    inside, outside = [], []
    for part in predicted(learner, wider, n_episodes, norm, seed, batch, n_way=n_way, **options):
        uncertain = entropy(part.logits.softmax(-1))  # (T, Q + A)
        known = n_way * sampler.n_query
        inside.append(uncertain[:, :known].flatten().cpu())
        outside.append(uncertain[:, known:].flatten().cpu())
    inside, outside = torch.cat(inside), torch.cat(outside)
    return Aliens(auroc(outside, inside), inside, outside)


def inductive_norm(learner: Learner) -> str:
    """The learner's own mode where queries do not see one another in it, or else "support"."""
    return "support" if learner.norm == "query" else learner.norm


def auroc(high: Tensor, low: Tensor) -> float:
    """Probability that one of `high` (A,) lies above one of `low` (B,); ties count half."""
    ranks = torch.cat((high, low)).unique(return_inverse=True)[1]  # torchmetrics squashes what is not in 0..1
    truth = torch.cat((torch.ones_like(high), torch.zeros_like(low))).long()
    return binary_auroc(ranks.double() / ranks.max().clamp(min=1), truth).item()


def _below_one(probabilities: Tensor) -> Tensor:
    """In single precision, as torchmetrics bins them, and none above 1: it would take them for logits."""
    return probabilities.float().clamp(0, BELOW_ONE)
