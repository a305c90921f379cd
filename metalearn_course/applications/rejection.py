"""None of these: how familiar a picture is, and below which familiarity it is rejected at a promised rate."""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from metalearn_course.datasets.images import ImageClasses
from metalearn_course.episode import LabelledSet
from metalearn_course.evaluation.accuracy import in_evaluation_mode
from metalearn_course.evaluation.leakage import refuse_training_classes
from metalearn_course.functional import cosine
from metalearn_course.learners.base import Learner, Predictor
from metalearn_course.learners.protonet import ProtoNet
from metalearn_course.sampling import EpisodeSampler

if TYPE_CHECKING:  # the classifier asks this module how familiar a picture is
    from metalearn_course.applications.own_pictures import OwnClassifier


def familiarity(predict: Predictor, x: Tensor) -> Tensor:
    """(Q,) how much pictures x (Q, C, H, W) look like any of the classes that `predict` was adapted to.

    For a ProtoNet the cosine between a picture's feature and the nearest prototype's; for other learners the
    logarithm of the largest probability (Hendrycks & Gimpel 2017, arXiv 1610.02136), which can be high for a
    picture that is far from everything.
    """
    learner, state = predict.learner, predict.state
    if isinstance(learner, ProtoNet):
        return cosine(learner.net(x, state.stats or None), state.prototypes).amax(-1)
    return predict(x).log_softmax(-1).amax(-1)


def threshold(scores: Tensor, rate: float) -> float:
    """The familiarity below which a known picture falls with a probability of at most `rate`.

    scores (n,): of known pictures that were set aside. The promise holds for a further picture that is
    exchangeable with them: of n + 1 such numbers any rank is equally likely, so that the k-th smallest of n,
    k = floor(rate * (n + 1)), has the new one below it with probability k / (n + 1) (split conformal prediction,
    Vovk et al. 2005). ValueError where n is too small for the rate: k would be 0.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate={rate}: give the share of known pictures that may be rejected, between 0 and 1")
    k = int(rate * (len(scores) + 1))
    if k < 1:
        least = int(1 / rate + 0.999) - 1
        raise ValueError(f"{len(scores)} pictures cannot promise a rate of {rate}; at least {least} are needed")
    return scores.sort().values[k - 1].item()


class Familiar(NamedTuple):
    """Scores of tasks whose classes are partly held back."""

    known: Tensor  # (E, n): of pictures of the task's own classes
    alien: Tensor  # (E, n): of classes that the task has no support picture of


@torch.no_grad()
def held_out_scores(
    learner: Learner,
    held_out: ImageClasses,
    n_way: int,
    k_shot: int,
    n_episodes: int = 200,
    norm: str | None = None,
    seed: int = 0,
) -> Familiar:
    """Familiarity in tasks of n_way known classes with k_shot pictures each, and as many that are alien.

    ValueError where the learner was trained on these classes, or where they are fewer than 2 * n_way.
    """
    sampler = EpisodeSampler(held_out, 2 * n_way, k_shot, n_query=1)
    refuse_training_classes(learner, sampler)
    found = []
    with in_evaluation_mode(learner):
        for number in range(n_episodes):
            task = sampler.sample_tasks(seed, 0, [number]).task(0)
            few = n_way * k_shot
            predict = learner.adapt(LabelledSet(task.support.x[:few], task.support.y[:few]), norm)
            found.append(familiarity(predict, learner.pictures(task.query.x)))
    return Familiar(*torch.stack(found).split(n_way, dim=1))


def promise(
    classifier: "OwnClassifier", held_out: ImageClasses, rate: float = 0.05, n_episodes: int = 200, seed: int = 0
) -> Familiar:
    """Set the classifier's threshold so that it rejects `rate` of the pictures of known classes.

    The threshold comes from tasks like the reader's, of classes that the learner has never seen: as many classes
    (or half of what there is), and the pictures per class that the classifier's poorest class has. It is a promise
    about the reader's pictures as far as they scatter as the held-out ones do. Returns the scores behind it.
    """
    fewest = min(map(len, classifier.pictures.values()))
    k_shot = max(1, min(fewest, int(held_out.counts.min()) - 1))
    n_way = max(2, min(len(classifier.names), len(set(held_out.groups)) // 2))
    scores = held_out_scores(classifier.learner, held_out, n_way, k_shot, n_episodes, classifier.norm, seed)
    classifier.threshold, classifier.promised = threshold(scores.known.flatten(), rate), rate
    return scores
