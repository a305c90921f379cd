"""Accuracy of a learner over frozen episodes."""

import hashlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from metalearn_course.functional import accuracy
from metalearn_course.learners import Learner
from metalearn_course.progress import bar
from metalearn_course.sampling import EpisodeSampler


@dataclass(frozen=True, eq=False)
class Score:
    """Accuracies in 0..1; the interval is over episodes, since queries of one episode are not independent."""

    per_episode: Tensor  # (E,), mean over the queries of an episode
    norm: str  # normalisation mode
    episodes_hash: str  # of the classes and pictures drawn

    @property
    def accuracy(self) -> float:
        """Mean over episodes."""
        return self.per_episode.mean().item()

    @property
    def ci95(self) -> float:
        """Half the width of the 95 % confidence interval of the mean over episodes."""
        return 1.96 * self.per_episode.std().item() / math.sqrt(len(self.per_episode))

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

    norm: "query" (transductive), "support" or "running" (inductive); the learner's own by default.
    Options go to `adapt_state`, for instance steps=10 for MAML. ValueError where the sampler has
    classes that the learner was trained on.
    """
    refuse_training_classes(learner, sampler)
    if n_episodes < 2:
        raise ValueError(f"n_episodes={n_episodes}: an interval needs at least two")
    norm = norm or learner.norm
    device = next(learner.parameters()).device
    sampler = sampler.to(device)
    digest, scores = hashlib.sha256(sampler.images.hash.encode()), []
    for start in bar(range(0, n_episodes, batch), show=progress, desc="evaluate", leave=False):
        tasks = range(start, min(start + batch, n_episodes))
        classes, numbers = sampler.draw_tasks(seed, 0, tasks)
        for drawn in zip(classes.tolist(), numbers.tolist()):  # task by task, so that batches leave no trace
            digest.update(repr(([sampler.images.names[c] for c in drawn[0]], drawn[1])).encode())
        episodes = sampler.gather(classes, numbers)
        noise = learner.noise_for(seed, 0, tasks, device)
        scores.append(accuracy(learner.episode_logits(episodes, norm, noise, **options), episodes.query.y).cpu())
    return Score(torch.cat(scores), norm, digest.hexdigest()[:16])


def refuse_training_classes(learner: Learner, sampler: EpisodeSampler) -> None:
    """ValueError where the sampler draws from groups that the learner was trained on."""
    known, seen = learner.trained_on, []
    while known is not None:  # what it was trained on, and before that, and before that
        if known["dataset_hash"] == sampler.images.hash:
            seen += sorted(set(known["groups"]) & set(sampler.images.groups))
        known = known.get("before")
    if seen:
        raise ValueError(
            f"{len(seen)} groups of the classes to evaluate on were seen in training ({seen[0]!r} among them); "
            "accuracy on them says nothing about new classes. Evaluate on the validation or test part of the split."
        )
