"""From pen strokes to pictures: vary a drawing as hands do, then render it.

A drawing is a tensor (S, P, 2): S strokes of P points each, in a box of 109 x 109 units, y downwards
(KanjiVG's box). Everything works on a batch of drawings with the same number of strokes.
"""

import math

import torch
from torch import Tensor

BOX = 109.0


def vary(strokes: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Draw (B, S, P, 2) again by another hand: every stroke shifted, tilted, bent; then the whole slanted."""

    def normal(*shape: int, scale: float) -> Tensor:
        return torch.randn(*shape, generator=generator) * (scale * strength)

    b, s, p, _ = strokes.shape
    centre = strokes.mean(2, keepdim=True)  # (B, S, 1, 2)
    turned = _turn(strokes - centre, normal(b, s, 1, scale=0.09)) * (1 + normal(b, s, 1, 1, scale=0.08))
    along = strokes[:, :, -1:] - strokes[:, :, :1]  # (B, S, 1, 2)
    across = torch.stack((-along[..., 1], along[..., 0]), -1)
    arch = torch.sin(torch.linspace(0, math.pi, p)).view(1, 1, p, 1)
    bent = turned + across * arch * normal(b, s, 1, 1, scale=0.06)
    moved = bent + centre + normal(b, s, 1, 2, scale=2.4)
    matrix = torch.eye(2) + normal(b, 1, 2, 2, scale=0.09)  # scale and slant of the whole character
    return (moved - BOX / 2) @ matrix + BOX / 2 + normal(b, 1, 1, 2, scale=3.0)


def render(strokes: Tensor, width: Tensor, size: int = 28) -> Tensor:
    """Pictures (B, size, size) in [0, 1] of drawings (B, S, P, 2), ink 1; width (B,) of the pen in pixels.

    The ink of a pixel falls off over one pixel at the distance width / 2 from the nearest segment.
    """
    points = strokes * (size / BOX)
    start, along = points[:, :, :-1].flatten(1, 2), points.diff(dim=2).flatten(1, 2)  # (B, M, 2)
    offset = torch.arange(size) + 0.5 - start.unsqueeze(-1)  # (B, M, 2, size): pixel centre - start, by axis
    square = along.pow(2).sum(-1).clamp_min(1e-6).view(*along.shape[:2], 1, 1)
    # In place from here on: fresh memory for each of these large tensors would take longer than the sums.
    dot = _outer_sum(offset * along.unsqueeze(-1))  # (B, M, size, size)
    t = (dot / square).clamp_(0, 1)  # where on the segment the nearest point lies
    distance = _outer_sum(offset.pow_(2))  # squared; to the start first, then to the nearest point
    distance.addcmul_(t, dot.mul_(-2).addcmul_(t, square))
    nearest = distance.amin(1).clamp_min_(0).sqrt_()
    return (0.5 + width.view(-1, 1, 1) / 2 - nearest).clamp_(0, 1)


def resample(points: Tensor, n_points: int) -> Tensor:
    """n_points (n, 2) at equal distances along a polyline (m, 2)."""
    steps = points.diff(dim=0).norm(dim=-1)
    length = torch.cat((torch.zeros(1), steps.cumsum(0)))
    wanted = torch.linspace(0, float(length[-1]), n_points)
    right = torch.searchsorted(length, wanted).clamp(1, len(points) - 1)
    share = (wanted - length[right - 1]) / (length[right] - length[right - 1]).clamp_min(1e-9)
    return torch.lerp(points[right - 1], points[right], share.unsqueeze(-1))


def _turn(vectors: Tensor, angle: Tensor) -> Tensor:
    """Rotate vectors (..., 2) by an angle (...)."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    x, y = vectors.unbind(-1)
    return torch.stack((cos * x - sin * y, sin * x + cos * y), -1)


def _outer_sum(by_axis: Tensor) -> Tensor:
    """(B, M, 2, size), x and y parts of a sum -> (B, M, size, size), rows y, columns x."""
    return by_axis[:, :, 0].unsqueeze(-2) + by_axis[:, :, 1].unsqueeze(-1)
