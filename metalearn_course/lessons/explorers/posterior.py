"""What a posterior over weights predicts: probabilities of single draws, their mean, and how far it can be trusted."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from metalearn_course.episode import LabelledSet
from metalearn_course.evaluation import calibration
from metalearn_course.evaluation.calibration import Calibration, Reliability
from metalearn_course.learners import ABML
from metalearn_course.sampling import EpisodeSampler


@dataclass(frozen=True, eq=False)
class Predictive:
    """Two queries of one task, and all queries of many, with so many draws after so many inner steps."""

    samples: int
    steps: int
    task: int
    known: Tensor  # (samples, N) probabilities of a query of the task's classes, a row each draw
    label: int  # its class
    alien: Tensor  # (samples, N) of a query of a class outside the task
    accuracy: float
    calibration: Calibration
    reliability: Reliability
    auroc: float
    n_episodes: int

    @property
    def summary(self) -> str:
        """The picture in words."""
        entropies = [calibration.entropy(part.mean(0)).item() for part in (self.known, self.alien)]
        return (
            f"{_count(self.samples, 'posterior sample')}, {_count(self.steps, 'inner step')}, task {self.task}: "
            f"entropy {entropies[0]:.2f} nats on a character of the task and {entropies[1]:.2f} on an alien one. "
            f"Over {self.n_episodes} tasks: accuracy {self.accuracy:.1%}, ECE {self.calibration.ece:.3f}, "
            f"Brier {self.calibration.brier:.3f}, AUROC {self.auroc:.2f}."
        )


class PosteriorExplorer:
    """An ABML on tasks of a sampler, each with as many queries of n_way further classes, which have no support.

    All is inductive (norm="support"): an alien changes no other prediction.
    """

    def __init__(self, learner: ABML, sampler: EpisodeSampler, n_episodes: int = 20, most_steps: int = 5):
        if n_episodes < 1:
            raise ValueError(f"n_episodes={n_episodes}: there must be a task to show")
        self.learner, self.sampler, self.most_steps = learner, sampler, most_steps
        wider = EpisodeSampler(sampler.images, 2 * sampler.n_way, sampler.k_shot, sampler.n_query)
        self.episodes = wider.sample_tasks(0, 0, range(n_episodes))
        self.most_samples = len(learner.usual_draws)
        self._found: dict[int, Tensor] = {}

    def look(self, samples: int, steps: int, task: int = 0) -> Predictive:
        """The mean of the first `samples` draws after `steps` inner steps."""
        if not 1 <= samples <= self.most_samples:
            raise ValueError(f"samples={samples}: the learner draws 1 to {self.most_samples}")
        if not 0 <= steps <= self.most_steps:
            raise ValueError(f"steps={steps}: choose 0 to {self.most_steps}")
        single = self._probabilities(steps)[:, :samples]  # (T, S, 2NQ, N)
        mean, n_known = single.mean(1), self.sampler.n_way * self.sampler.n_query
        known, alien = mean[:, :n_known], mean[:, n_known:]
        flat, labels = known.flatten(0, 1), self.episodes.query.y[:, :n_known].flatten()
        return Predictive(
            samples=samples,
            steps=steps,
            task=task,
            known=single[task, :, 0],
            label=int(self.episodes.query.y[task, 0]),
            alien=single[task, :, n_known],
            accuracy=(flat.argmax(1) == labels).float().mean().item(),
            calibration=calibration.calibration(flat, labels),
            reliability=calibration.reliability(flat, labels, n_bins=10),
            auroc=calibration.auroc(*(calibration.entropy(part).flatten() for part in (alien, known))),
            n_episodes=len(mean),
        )

    @torch.no_grad()
    def _probabilities(self, steps: int) -> Tensor:
        """(T, S, 2NQ, N) of every draw for every query, with the noise of `calibration.alien_auroc`; computed once."""
        if steps not in self._found:
            n_support = self.sampler.n_way * self.sampler.k_shot
            rows = []
            for i in range(self.episodes.n_tasks):
                task = self.episodes.task(i)
                support = LabelledSet(task.support.x[:n_support], task.support.y[:n_support])
                noise = tree_map(lambda tensor: tensor[0], self.learner.noise_for(0, 0, [i]))
                state = self.learner.adapt_state(support, norm="support", noise=noise, steps=steps)
                rows.append(self.learner.draw_logits(state, task.query.x).exp())
            self._found[steps] = torch.stack(rows)
        return self._found[steps]


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"
