"""MAML on one task, with any number of steps, inner rate and shots."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course.episode import LabelledSet
from metalearn_course.learners.maml import MAML, MAMLState
from metalearn_course.lessons.explorers.task import TaskExplorer


@dataclass(frozen=True, eq=False)
class Adaptation:
    """One task before and after adapting to it."""

    support: LabelledSet
    query: LabelledSet
    before: Tensor  # (Q,) predicted labels at theta
    after: Tensor  # (Q,) predicted labels at phi
    accuracies: list[float]  # on the query, after 0, 1, 2, … steps
    support_losses: list[float]

    @property
    def summary(self) -> str:
        """The picture in one sentence."""
        n, steps = len(self.query.y), len(self.accuracies) - 1
        right = [int((guess == self.query.y).sum()) for guess in (self.before, self.after)]
        loss = self.support_losses[-1]
        return (
            f"Before adapting {right[0]} of {n} queries are right, after {steps} "
            f"step{'s' * (steps != 1)} {right[1]} of {n}; support loss {self.support_losses[0]:.2f} → {loss:.2f}."
        )


class AdaptationExplorer(TaskExplorer):
    """Adapts a MAML learner to a fixed task with any number of steps, inner rate and shots."""

    learner: MAML

    @torch.no_grad()
    def adapt(self, steps: int, inner_lr: float | None, k_shot: int, norm: str = "query") -> Adaptation:
        """Run the inner loop; inner_lr=None takes the rates that the learner has learned."""
        support, query = self.shots(k_shot), self.task.query
        guesses, losses = [], []
        for phi in self.learner.trajectory(support, steps, inner_lr=inner_lr):
            state = MAMLState(phi, self.learner.statistics(phi, support.x) if norm == "support" else ())
            guesses.append(self.learner.logits(state, query.x).argmax(-1))
            losses.append(F.cross_entropy(self.learner.logits(MAMLState(phi, ()), support.x), support.y).item())
        accuracies = [(guess == query.y).float().mean().item() for guess in guesses]
        return Adaptation(support, query, guesses[0], guesses[-1], accuracies, losses)
