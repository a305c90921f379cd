"""Four outer updates on two tasks in a plane: where each leads, and what adapting is worth on the way."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metalearn_course.lessons.explorers.landscape import LandscapeExplorer, _number

METHODS = ("joint training", "FOMAML", "MAML", "Reptile")


@dataclass(frozen=True, eq=False)
class Paths:
    """The walks of the four methods from one start, for one inner rate and number of inner steps."""

    theta: Tensor  # (2,)
    inner: Tensor  # (tasks, steps + 1, 2), adaptation from theta
    directions: dict[str, Tensor]  # (2,) of length 1, or 0 where a method stands still
    outer: dict[str, Tensor]  # (points, 2), where theta walks
    losses: dict[str, Tensor]  # (points,), mean loss after adapting from there
    lengths: dict[str, Tensor]  # (points,), distance walked

    @property
    def summary(self) -> str:
        """The picture in two sentences."""
        steps = self.inner.shape[1] - 1
        start = self.losses["MAML"][0].item()
        ends = ", ".join(f"{name} {_number(loss[-1].item())}" for name, loss in self.losses.items())
        return (
            f"From θ = ({self.theta[0]:.1f}, {self.theta[1]:.1f}) with {steps} inner step{'s' * (steps != 1)} the mean "
            f"loss after adapting is {_number(start)}. At the end of each walk it is: {ends}."
        )


class PathExplorer:
    """Outer updates on the quadratic tasks of a LandscapeExplorer, in closed form.

    Task i is ½ (θ − c_i)ᵀ A_i (θ − c_i). K steps with rate α lead to c_i + M_i (θ − c_i), M_i = (I − αA_i)^K, so
    every method moves along −Σ_i W_i (θ − c_i), with W_i = A_i (joint training), A_i M_i (FOMAML, Finn et al.
    2017), M_i A_i M_i (MAML) and I − M_i (Reptile, Nichol et al. 2018, arXiv 1803.02999).
    """

    STRIDE, STRIDES = 0.05, 200  # a walk: so long a stride, so many

    def __init__(self, landscape: LandscapeExplorer | None = None):
        self.landscape = landscape or LandscapeExplorer.two_valleys()

    def weights(self, alpha: float, steps: int) -> Tensor:
        """W_i of every method and task, (methods, tasks, 2, 2), in the order of METHODS."""
        a = self.landscape.curvatures
        m = torch.linalg.matrix_power(torch.eye(2) - alpha * a, steps)
        return torch.stack([a, a @ m, m @ a @ m, torch.eye(2) - m])

    def directions(self, theta: Tensor, alpha: float, steps: int) -> Tensor:
        """The outer update of every method at theta, (methods, 2): mean over tasks, before any outer rate."""
        offsets = theta - self.landscape.centres  # (tasks, 2)
        return -torch.einsum("mtij,tj->mi", self.weights(alpha, steps), offsets) / len(offsets)

    def ends(self, alpha: float, steps: int) -> Tensor:
        """Where every method stands still, (methods, 2); not a number where it does everywhere."""
        w = self.weights(alpha, steps)
        total, pull = w.sum(1), torch.einsum("mtij,tj->mi", w, self.landscape.centres)
        found, info = torch.linalg.solve_ex(total, pull.unsqueeze(-1))
        return torch.where(info.view(-1, 1) == 0, found.squeeze(-1), torch.nan)

    def walk(self, theta: tuple[float, float], alpha: float, steps: int) -> Paths:
        """All methods follow their direction from theta, in strides of equal length that shorten near the end."""
        start = torch.tensor(theta, dtype=torch.float32)
        inner = torch.stack([self.landscape.path(i, start, alpha, steps) for i in range(len(self.landscape.centres))])
        outer = self._strides(start, alpha, steps)  # (points, methods, 2)
        losses = self.landscape.meta_loss(outer, alpha, steps)  # (points, methods)
        first = self.directions(start, alpha, steps)
        units = first / first.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        lengths = torch.diff(outer, dim=0, prepend=outer[:1]).norm(dim=-1).cumsum(0)  # (points, methods)
        columns = units, outer.unbind(1), losses.unbind(1), lengths.unbind(1)
        return Paths(start, inner, *(dict(zip(METHODS, values)) for values in columns))

    def _strides(self, start: Tensor, alpha: float, steps: int) -> Tensor:
        """The points of all walks, (STRIDES + 1, methods, 2): outer gradient descent with a stable rate."""
        w = self.weights(alpha, steps)
        total, pull = w.sum(1), torch.einsum("mtij,tj->mi", w, self.landscape.centres)
        steepest = torch.linalg.eigvalsh(total).abs().amax(-1, keepdim=True).clamp_min(1e-12)
        points = [start.expand(len(METHODS), 2)]
        for _ in range(self.STRIDES):
            move = (pull - torch.einsum("mij,mj->mi", total, points[-1])) / steepest
            length = move.norm(dim=-1, keepdim=True).clamp_min(1e-12)
            points.append(points[-1] + move * (self.STRIDE / length).clamp_max(1.0))
        return torch.stack(points)
