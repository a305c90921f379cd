"""Batch normalisation that keeps nothing: its statistics are values that come in and go out."""

import torch
from torch import Tensor, nn

from metalearn_course import functional

Stats = tuple[tuple[Tensor, Tensor], ...]  # (mean, variance) of every normalisation of a net, each (channels,)


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of every channel of x (B, C, H, W), each (C,)."""
    var, mean = torch.var_mean(x, (0, 2, 3), correction=0)
    return mean, var


class Norm(nn.Module):
    """Batch normalisation whose statistics are values that come in and go out.

    eps is added to variances before the square root.
    """

    def __init__(self, channels: int, eps: float = functional.EPSILON):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, stats: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Normalise x (B, C, H, W) with `stats`, or with the statistics of x itself."""
        if stats is not None:
            return functional.normalise(x, *stats, self.weight, self.bias, self.eps)
        return functional.batch_norm(x, self.weight, self.bias, self.eps)
