"""How far a learner's probabilities can be trusted: calibration, and entropy on classes outside the episode.

Works on what every learner returns. A learner whose logits are logarithms of averaged probabilities
(ABML) is judged by these averages. ECE, MCE and AUROC are computed by torchmetrics.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course.evaluation.accuracy import predicted
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


class Answers(NamedTuple):
    """What a learner says to queries of many tasks, task after task."""

    known: Tensor  # (E*Q, N) probabilities for queries of the task's classes
    labels: Tensor  # (E*Q,) their classes
    alien: Tensor  # (E*A, N) probabilities for queries of classes that are not in the task

    def at(self, temperature: float) -> "Answers":
        """The answers with all logits divided by a temperature."""
        return Answers(tempered(self.known, temperature), self.labels, tempered(self.alien, temperature))


def answers(
    learner: Learner,
    sampler: EpisodeSampler,
    n_episodes: int = 600,
    norm: str | None = None,
    seed: int = 0,
    n_alien: int | None = None,
    batch: int = 20,
    **options,
) -> Answers:
    """Probabilities on frozen episodes, the same ones for the same seed.

    The sampler says what a task is. To each, n_alien more classes are drawn (n_way by default), with as many
    queries and no support. norm: an inductive one where there are aliens, by default the learner's own if
    that is inductive. Options as in `evaluate`.
    """
    n_way = sampler.n_way
    n_alien = n_way if n_alien is None else n_alien
    norm = norm or inductive_norm(learner)
    if norm == "query" and n_alien:
        raise ValueError(
            "norm='query' normalises the queries with each other, so that aliens would change the predictions of "
            "the rest; choose norm='support', which predicts every query on its own"
        )
    wider = EpisodeSampler(sampler.images, n_way + n_alien, sampler.k_shot, sampler.n_query) if n_alien else sampler
    parts, n_known = [], n_way * sampler.n_query
    for _, episodes, logits in predicted(learner, wider, n_episodes, norm, seed, batch, n_way=n_way, **options):
        p = logits.softmax(-1)  # (T, Q + A, N)
        found = p[:, :n_known], episodes.query.y[:, :n_known], p[:, n_known:]
        parts.append([tensor.flatten(0, 1).cpu() for tensor in found])
    return Answers(*map(torch.cat, zip(*parts)))


def predictions(
    learner: Learner, sampler: EpisodeSampler, n_episodes: int = 600, norm: str | None = None, **options
) -> tuple[Tensor, Tensor]:
    """Probabilities (E*Q, N) and labels (E*Q,) on the episodes that `evaluate` scores for this seed.

    Episodes come one after another: probabilities.view(E, Q, N). Arguments as in `answers`; the norm is the learner's.
    """
    return answers(learner, sampler, n_episodes, norm or learner.norm, n_alien=0, **options)[:2]


def calibration(probabilities: Tensor, labels: Tensor, n_bins: int = 15) -> Calibration:
    """Errors of probabilities (M, N) for labels (M,). ECE and MCE after Guo et al. 2017, arXiv 1706.04599."""
    from torchmetrics.functional.classification import multiclass_calibration_error  # late: it brings matplotlib

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
    n_alien: int | None = None,
    **options,
) -> Aliens:
    """How well the entropy of a prediction tells queries of the task's classes from those of others.

    Arguments as in `answers`.
    """
    if n_alien == 0:
        raise ValueError("n_alien=0: a task needs at least one class outside it")
    return doubt(answers(learner, sampler, n_episodes, norm, n_alien=n_alien, **options))


def doubt(found: Answers) -> Aliens:
    """The entropies of the answers, and how well they tell aliens from queries of the task."""
    inside, outside = entropy(found.known), entropy(found.alien)
    return Aliens(auroc(outside, inside), inside, outside)


def tempered(probabilities: Tensor, temperature: float) -> Tensor:
    """softmax(log p / temperature) of probabilities (M, N): above 1 less sure of themselves, below 1 more."""
    return (_log(probabilities) / temperature).softmax(-1)


def fit_temperature(probabilities: Tensor, labels: Tensor) -> float:
    """The temperature that gives the labels (M,) the highest likelihood (Guo et al. 2017, section 4.2).

    Fit it on validation classes: it is a choice like any other. The mean of -log p is convex in the inverse
    temperature, so its slope, E_p[log p] - log p_y, has one zero; bisection finds it between 1/50 and 50.
    """
    z, low, high = _log(probabilities), -math.log(50), math.log(50)
    chosen = z.gather(1, labels[:, None]).mean()
    for _ in range(40):
        middle = (low + high) / 2
        slope = ((math.exp(middle) * z).softmax(-1) * z).sum(-1).mean() - chosen
        low, high = (low, middle) if slope > 0 else (middle, high)
    return math.exp(-low)


def inductive_norm(learner: Learner) -> str:
    """The learner's own mode where queries do not see one another in it, or else "support"."""
    return "support" if learner.norm == "query" else learner.norm


def auroc(high: Tensor, low: Tensor) -> float:
    """Probability that one of `high` (A,) lies above one of `low` (B,); ties count half."""
    from torchmetrics.functional.classification import binary_auroc  # late: it brings matplotlib

    ranks = torch.cat((high, low)).unique(return_inverse=True)[1]  # torchmetrics squashes what is not in 0..1
    truth = torch.cat((torch.ones_like(high), torch.zeros_like(low))).long()
    return binary_auroc(ranks.double() / ranks.max().clamp(min=1), truth).item()


def _below_one(probabilities: Tensor) -> Tensor:
    """In single precision, as torchmetrics bins them, and none above 1: it would take them for logits."""
    return probabilities.float().clamp(0, BELOW_ONE)


def _log(probabilities: Tensor) -> Tensor:
    return probabilities.clamp(min=torch.finfo(probabilities.dtype).tiny).log()
