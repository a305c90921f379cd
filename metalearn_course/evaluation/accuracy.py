"""Accuracy of a learner over frozen episodes."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from metalearn_course.common.progress import bar
from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.evaluation.intervals import ci95
from metalearn_course.evaluation.leakage import refuse_training_classes
from metalearn_course.functional import accuracy
from metalearn_course.learners import Learner
from metalearn_course.sampling import EpisodeSampler


@dataclass(frozen=True, eq=False)
class Score:
    """Accuracies in 0..1; the interval is over episodes, since queries of one episode are not independent."""

    per_episode: Tensor  # (E,), mean over the queries of an episode
    norm: str  # normalisation mode
    episodes_hash: str  # of the classes and pictures drawn, and of which of them were support

    @property
    def accuracy(self) -> float:
        """Mean over episodes."""
        return self.per_episode.mean().item()

    @property
    def ci95(self) -> float:
        """Half the width of the 95 % confidence interval of the mean over episodes."""
        return ci95(self.per_episode)

    def __repr__(self) -> str:
        kind = "transductive" if self.norm == "query" else "inductive"
        return f"{100 * self.accuracy:.2f} % ± {100 * self.ci95:.2f} ({len(self.per_episode)} episodes, {kind})"


def evaluate(
    learner: Learner,
    sampler: EpisodeSampler,
    n_episodes: int = 600,
    norm: str | None = None,
    seed: int = 0,
    batch: int = 20,
    progress: bool = False,
    **options,
) -> Score:
    """Score the learner on n_episodes episodes of the sampler, the same ones for the same seed.

    norm: "query" (transductive), "support" or "running" (inductive); the learner's own by default, where
    `learner.adapt` takes "support" for "query": evaluate(…, norm=learner.inductive_norm) scores what it does.
    Options go to `adapt_state`, for instance steps=10 for MAML. Modules are in evaluation mode meanwhile.
    ValueError where the sampler has classes that the learner was trained on.

    >>> from metalearn_course import datasets, learners, nets
    >>> pictures = (torch.rand(12 * 4, 1, 16, 16) * 255).byte()
    >>> images = datasets.from_tensors("noise", pictures, counts=[4] * 12, names=list("abcdefghijkl"))
    >>> train, _, test = images.split(seed=0, sizes=(7, 0, 5))
    >>> learner = learners.ProtoNet(nets.Conv4(image_size=16, hidden=8), n_way=5, norm="support")
    >>> score = evaluate(learner, EpisodeSampler(test, n_way=5, k_shot=1, n_query=2), n_episodes=4)
    >>> score.per_episode.shape, score.norm, 0 <= score.accuracy <= 1
    (torch.Size([4]), 'support', True)
    """
    if n_episodes < 2:
        raise ValueError(f"n_episodes={n_episodes}: an interval needs at least two")
    norm = norm or learner.norm
    digest, scores = hashlib.sha256(sampler.images.hash.encode()), []
    for part in predicted(learner, sampler, n_episodes, norm, seed, batch, progress, **options):
        classes, numbers = part.drawn
        shots, queries = numbers.split((sampler.k_shot, sampler.n_query), dim=-1)
        for task in zip(classes.tolist(), shots.tolist(), queries.tolist()):  # one by one: batches leave no trace
            digest.update(repr(([sampler.images.names[c] for c in task[0]], *task[1:])).encode())
        scores.append(accuracy(part.logits, part.episodes.query.y).cpu())
    return Score(torch.cat(scores), norm, digest.hexdigest()[:16])


class Predicted(NamedTuple):
    """A batch of tasks, and what a learner says to their queries."""

    drawn: tuple[Tensor, Tensor]  # classes (T, N) and the numbers of their pictures (T, N, K + Q)
    episodes: Episode
    logits: Tensor  # (T, Q, n_way)


def predicted(
    learner: Learner,
    sampler: EpisodeSampler,
    n_episodes: int,
    norm: str,
    seed: int = 0,
    batch: int = 20,
    progress: bool = False,
    n_way: int | None = None,
    **options,
) -> Iterator[Predicted]:
    """The frozen episodes of a seed in batches, each task predicted from its support set.

    n_way: only the first n_way classes are the task; the others have queries and no support.
    ValueError where the sampler has classes that the learner was trained on.
    """
    refuse_training_classes(learner, sampler)
    device = device_of(learner)
    sampler = sampler.to(device)
    n_way = n_way or sampler.n_way
    for start in bar(range(0, n_episodes, batch), show=progress, desc="evaluate", leave=False):
        tasks = range(start, min(start + batch, n_episodes))
        drawn = sampler.draw_tasks(seed, 0, tasks)
        episodes = sampler.gather(*drawn)
        support = LabelledSet(*(part[:, : n_way * sampler.k_shot] for part in episodes.support))
        task = Episode(support, episodes.query, episodes.classes[:, :n_way])
        with in_evaluation_mode(learner):
            logits = learner.episode_logits(task, norm, learner.noise_for(seed, 0, tasks, device), **options)
        yield Predicted(drawn, episodes, logits)


def device_of(module: nn.Module) -> torch.device:
    """Where the module's tensors lie; the CPU for one that has none."""
    return next((tensor.device for tensor in (*module.parameters(), *module.buffers())), torch.device("cpu"))


@contextmanager
def in_evaluation_mode(module: nn.Module):
    """No dropout and no running statistic that moves, in any submodule; afterwards each is in the mode it was in."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training
