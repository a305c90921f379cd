"""A transformer on features that were made for something else, and the controls that must stand beside it.

The features of a classifier of kanji, asked about Omniglot. Learners on the same frozen features, equal steps on
the same tasks: class means, attention by cosine, a linear layer trained as a matching network, the transformer.
`python -m metalearn_course.lessons.foreign` writes the ledger's entry incontext/foreign.
"""

import time
from typing import cast

import torch

from metalearn_course import datasets, evaluation, ledger, training
from metalearn_course.learners import InContext, Learner, MatchingNet, ProtoNet
from metalearn_course.learners.embedding import EmbeddingLearner
from metalearn_course.lessons.features import FeatureClasses, Given, Straightened, embed
from metalearn_course.sampling import EpisodeSampler

EMBEDDING = "kanji-pretrained-5w1s"
TASKS = {"5w1s": 5, "20w1s": 20}
MAKE = {
    "class means": lambda size: ProtoNet(Given(size), 20),
    "cosine": lambda size: MatchingNet(Given(size), 20),
    "linear layer": lambda size: MatchingNet(Straightened(size), 20),
    "transformer": lambda size: InContext(Given(size), 20),
}


def trained(name: str, train: FeatureClasses, n_steps: int, seed: int = 0) -> tuple[Learner, float]:
    """A learner of MAKE after n_steps steps of 20-way tasks, and the seconds that this took (class means: none)."""
    torch.manual_seed(seed)
    learner, started = MAKE[name](train.images.shape[1]), time.process_time()
    sampler = EpisodeSampler(train, n_way=20, k_shot=1, n_query=3)
    if name == "class means":
        return learner, 0.0
    training.fit(learner, sampler, n_steps, n_tasks=8, warm_up=100, decay=0.5, clip=1.0, seed=seed, progress=False)
    return learner, time.process_time() - started


def compare(train: FeatureClasses, test: FeatureClasses, n_steps: int, n_episodes: int) -> dict[str, dict]:
    """Accuracy and interval of all learners, by name and kind of task, over the same episodes."""
    found: dict[str, dict] = {}
    for name in MAKE:
        learner, seconds = trained(name, train, n_steps)
        found[name] = dict(seconds=round(seconds))
        for task, n_way in TASKS.items():
            score = evaluation.evaluate(learner, EpisodeSampler(test, n_way, 1, 15), n_episodes)
            found[name][task] = dict(accuracy=round(score.accuracy, 5), ci95=round(score.ci95, 5))
    return found


def main(n_steps: int = 3000, n_episodes: int = 1000) -> None:
    """Measure, and write it to the ledger, unless it is there."""
    if "foreign" not in ledger.measured("incontext"):
        train, _, test = embed(
            cast(EmbeddingLearner, ledger.load_pretrained(EMBEDDING)), datasets.load("omniglot")
        ).split(seed=0)
        setup = dict(embedding=EMBEDDING, dataset="omniglot", n_steps=n_steps, n_episodes=n_episodes)
        ledger.record_measured("incontext", "foreign", setup | dict(learners=compare(train, test, n_steps, n_episodes)))


if __name__ == "__main__":
    main()
