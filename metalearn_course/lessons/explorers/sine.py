"""Adaptation to one sine wave, with any amplitude, phase, shots and steps."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from metalearn_course.episode import LabelledSet

Weights = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class SineFit:
    """One wave before and after adapting to points on it; curves are (G,) on the explorer's grid."""

    support: LabelledSet  # x (K,) and y (K,)
    truth: Tensor
    before: Tensor
    after: Tensor
    errors: list[float]  # mean squared error over the grid after 0, 1, 2, … steps
    support_errors: list[float]  # the same on the support points

    @property
    def summary(self) -> str:
        """The picture in one sentence."""
        shots, steps = len(self.support.x), len(self.errors) - 1
        return (
            f"{shots} point{'s' * (shots != 1)}, {steps} step{'s' * (steps != 1)}: the mean squared error of the curve "
            f"goes from {self.errors[0]:.3g} before to {self.errors[-1]:.3g} after; "
            f"on the points from {self.support_errors[0]:.3g} to {self.support_errors[-1]:.3g}."
        )


class SineExplorer:
    """Adapts one of several starts to points of y = amplitude · sin(x + phase), x in ±reach.

    forward(weights, x (M,)) -> (M,); adapt(weights, support, steps, alpha) -> weights; both are the
    reader's own. starts: name -> (weights, alpha).
    """

    def __init__(
        self,
        forward: Callable[[Weights, Tensor], Tensor],
        adapt: Callable[[Weights, LabelledSet, int, float], Weights],
        starts: dict[str, tuple[Weights, float]],
        most_shots: int = 20,
        reach: float = 5.0,
        seed: int = 0,
    ):
        self.forward, self.adapt, self.starts = forward, adapt, starts
        self.grid = torch.linspace(-reach, reach, 201)
        g = torch.Generator().manual_seed(seed)
        self.inputs = (2 * torch.rand(most_shots, generator=g) - 1) * reach

    @torch.no_grad()
    def fit(self, start: str, amplitude: float, phase: float, shots: int, steps: int) -> SineFit:
        """Adapt to the first `shots` points of the wave; the points of fewer shots are part of those of more."""
        if not 1 <= shots <= len(self.inputs):
            raise ValueError(
                f"shots={shots}: choose 1 to {len(self.inputs)}, or make the explorer with more most_shots"
            )
        if start not in self.starts:
            raise ValueError(f"there is no start {start!r}; choose one of {', '.join(self.starts)}")
        weights, alpha = self.starts[start]
        x = self.inputs[:shots]
        support = LabelledSet(x, amplitude * torch.sin(x + phase))
        path = [weights]
        for _ in range(steps):
            path.append(self.adapt(path[-1], support, 1, alpha))
        truth = amplitude * torch.sin(self.grid + phase)
        curves = [self.forward(phi, self.grid) for phi in path]
        errors = [(curve - truth).square().mean().item() for curve in curves]
        on_points = [(self.forward(phi, x) - support.y).square().mean().item() for phi in path]
        return SineFit(support, truth, curves[0], curves[-1], errors, on_points)
