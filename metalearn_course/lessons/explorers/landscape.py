"""Two tasks in a plane: adaptation paths from any start, and the meta-loss of every start."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Adapted:
    """What happens from one start."""

    theta: Tensor  # (2,)
    paths: Tensor  # (tasks, steps + 1, 2), from theta to phi
    losses: Tensor  # (tasks, steps + 1)
    best: Tensor  # (2,) the start with the smallest meta-loss on the grid
    meta_loss: float  # at theta
    best_meta_loss: float

    @property
    def summary(self) -> str:
        """The picture in two sentences."""
        steps = self.paths.shape[1] - 1
        before, after = self.losses[:, 0].mean().item(), self.losses[:, -1].mean().item()
        x, y = self.best.tolist()
        return (
            f"From θ = ({self.theta[0]:.1f}, {self.theta[1]:.1f}) the mean loss goes from {before:.2f} to "
            f"{_number(after)} in {steps} step{'s' * (steps != 1)}. For this α and so many steps the best start is "
            f"({x:.1f}, {y:.1f}), with {_number(self.best_meta_loss)}."
        )


class LandscapeExplorer:
    """Quadratic tasks L_i(θ) = ½ (θ − c_i)ᵀ A_i (θ − c_i) in the plane, adapted by plain gradient steps.

    centres (tasks, 2), curvatures (tasks, 2, 2) symmetric; the grid of starts spans ±extent.
    """

    def __init__(self, centres: Tensor, curvatures: Tensor, extent: float = 4.0, resolution: int = 81):
        self.centres, self.curvatures, self.extent = centres, curvatures, extent
        axis = torch.linspace(-extent, extent, resolution)
        self.grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)  # (R, R, 2), rows are y

    @classmethod
    def two_valleys(cls) -> "LandscapeExplorer":
        """Two elongated bowls that lie across each other: what a step cannot mend differs by task."""
        return cls(
            torch.tensor([[-2.0, 1.5], [2.0, -0.5]]), torch.tensor([[[0.3, 0.0], [0.0, 2.0]], [[1.7, 0.5], [0.5, 0.5]]])
        )

    def losses(self, task: int, theta: Tensor) -> Tensor:
        """Loss (...) of the points theta (..., 2)."""
        offset = theta - self.centres[task]
        return 0.5 * (offset @ self.curvatures[task] * offset).sum(-1)

    def path(self, task: int, theta: Tensor, alpha: float, steps: int) -> Tensor:
        """theta and the points after every step, (steps + 1, ..., 2)."""
        points = [theta]
        for _ in range(steps):
            gradient = (points[-1] - self.centres[task]) @ self.curvatures[task]
            points.append(points[-1] - alpha * gradient)
        return torch.stack(points)

    def meta_loss(self, theta: Tensor, alpha: float, steps: int) -> Tensor:
        """Mean over tasks of the loss after adapting from theta (..., 2): (...)."""
        tasks = range(len(self.centres))
        return torch.stack([self.losses(i, self.path(i, theta, alpha, steps)[-1]) for i in tasks]).mean(0)

    def adapt(self, theta: tuple[float, float], alpha: float, steps: int) -> tuple[Adapted, Tensor]:
        """What happens from theta, and the meta-loss of every start of the grid, (R, R)."""
        start = torch.tensor(theta)
        paths = torch.stack([self.path(i, start, alpha, steps) for i in range(len(self.centres))])
        losses = torch.stack([self.losses(i, path) for i, path in enumerate(paths)])
        surface = self.meta_loss(self.grid, alpha, steps)
        best = self.grid.flatten(0, 1)[surface.argmin()]
        return Adapted(start, paths, losses, best, losses[:, -1].mean().item(), surface.min().item()), surface


def _number(value: float) -> str:
    """Three digits, also of what has grown beyond all bounds."""
    return f"{value:.2f}" if 0.005 <= value < 1000 else f"{value:.1e}"
