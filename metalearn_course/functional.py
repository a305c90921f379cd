"""Pure mathematics that more than one learner uses."""

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

EPSILON = 1e-5  # added to variances before the square root, as in torch.nn.BatchNorm2d


def sgd_step(params, grads, rates):
    """params - rate * grad, leaf by leaf; `rates` is one number (or tensor) or a pytree like params.

    >>> sgd_step({"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([2.0, 2.0])}, 0.5)
    {'w': tensor([0., 1.])}
    """
    if isinstance(rates, (int, float, Tensor)):
        return tree_map(lambda p, g: p - rates * g, params, grads)
    return tree_map(lambda p, g, rate: p - rate * g, params, grads, rates)


def prototypes(features: Tensor, y: Tensor, n_way: int, weights: Tensor | None = None) -> Tensor:
    """Mean feature of every class: (M, D), (M,) -> (n_way, D). Snell et al. 2017, equation 1.

    weights (M,): how much each picture counts in its class's mean; all the same by default.
    Written with one-hot labels rather than with `y == c` selections, because shapes inside a task
    must not depend on data (vmap refuses that). A class without a picture gives NaN.

    >>> prototypes(torch.tensor([[0.0, 2.0], [4.0, 2.0], [1.0, 1.0]]), torch.tensor([0, 0, 1]), n_way=2)
    tensor([[2., 2.],
            [1., 1.]])
    """
    members = torch.nn.functional.one_hot(y, n_way).to(features.dtype)  # (M, n_way)
    if weights is not None:
        members = members * weights.unsqueeze(1)
    return (members.T @ features) / members.sum(0).unsqueeze(1)


def prototype_head(centres: Tensor) -> tuple[Tensor, Tensor]:
    """The linear layer that scores by -|f - p_c|^2 up to a constant: w_c = 2 p_c, b_c = -|p_c|^2."""
    return 2 * centres, -centres.pow(2).sum(-1)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of the angle between every row of a (Q, D) and every row of b (M, D): (Q, M)."""
    return torch.nn.functional.normalize(a, dim=-1) @ torch.nn.functional.normalize(b, dim=-1).transpose(-1, -2)


def lstm_step(cell: torch.nn.LSTMCell, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """(h, c) after x, as the cell would say; its own forward does not run under vmap. x (..., I), h and c (..., H)."""
    linear = torch.nn.functional.linear
    gates = linear(x, cell.weight_ih, cell.bias_ih) + linear(h, cell.weight_hh, cell.bias_hh)
    into, keep, new, out = gates.chunk(4, -1)
    c = keep.sigmoid() * c + into.sigmoid() * new.tanh()
    return out.sigmoid() * c.tanh(), c


def batch_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = EPSILON) -> Tensor:
    """Batch normalisation of x (B, C, H, W) with its own statistics; weight and bias (C,).

    Written as group normalisation with a group a channel over the whole batch, which is the same
    function. PyTorch's own batch_norm has the wrong second derivative inside vmap (2.14: there its
    saved statistics count as constants), and MAML's meta-gradient is made of second derivatives.
    """
    b, c, h, w = x.shape
    rows = x.transpose(0, 1).reshape(1, c, b * h * w)
    rows = torch.group_norm(rows, c, weight, bias, eps)
    return rows.view(c, b, h, w).transpose(0, 1)


def normalise(x: Tensor, mean: Tensor, var: Tensor, weight: Tensor, bias: Tensor, eps: float = EPSILON) -> Tensor:
    """Batch normalisation with given statistics: x (B, C, H, W), the rest (C,).

    Unlike `torch.nn.functional.batch_norm` in evaluation mode this is differentiable with respect
    to mean and var, which training with the statistics of the support set needs.
    """
    scale = weight * torch.rsqrt(var + eps)
    return torch.addcmul((bias - mean * scale).view(1, -1, 1, 1), x, scale.view(1, -1, 1, 1))


def warp(x: Tensor, maps: Tensor) -> Tensor:
    """Pictures x (B, C, H, W) moved by affine maps (B, 2, 3): pixel (u, v) shows what lies at map @ (u, v, 1).

    Places run from -1 to 1 over a picture, u to the right and v down; beyond its border a picture goes on
    as it ends. F.affine_grid, which would do half of it, has no rule for vmap.
    """
    lines = [(2 * torch.arange(n, device=x.device, dtype=x.dtype) + 1) / n - 1 for n in x.shape[-2:]]
    v, u = torch.meshgrid(*lines, indexing="ij")
    places = torch.einsum("hwi,boi->bhwo", torch.stack([u, v, torch.ones_like(u)], -1), maps)
    return torch.nn.functional.grid_sample(x, places, padding_mode="border", align_corners=False)


def gaussian_kl(mean: Tensor, log_var: Tensor, other_mean: Tensor, other_log_var: Tensor) -> Tensor:
    """KL(N(mean, var) || N(other_mean, other_var)) of independent Gaussians, in nats, summed over the last axis."""
    ratio = log_var - other_log_var
    squares = (mean - other_mean).pow(2) * (-other_log_var).exp()
    return 0.5 * (ratio.exp() + squares - 1 - ratio).sum(-1)


def local_linear(
    x: Tensor, weight: Tensor, bias: Tensor, weight_std: Tensor, bias_std: Tensor, epsilon: Tensor
) -> Tensor:
    """A linear layer with Gaussian weights, by local reparameterisation (Kingma et al. 2015, arXiv 1506.02557).

    The sum of Gaussians is drawn rather than the weights: each row of x (M, D) and each output has a
    draw of its own, epsilon (M, N) standard normal. weight and weight_std (N, D), bias and bias_std (N,).
    """
    linear = torch.nn.functional.linear
    var = linear(x.pow(2), weight_std.pow(2), bias_std.pow(2))
    return linear(x, weight, bias) + epsilon * (var + torch.finfo(var.dtype).tiny).sqrt()


def flipout_conv2d(x: Tensor, mean: Tensor, delta: Tensor, sign_in: Tensor, sign_out: Tensor, stride) -> Tensor:
    """A 3x3 convolution (padding 1) with weights mean + delta, by Flipout (Wen et al. 2018, arXiv 1803.04386).

    delta is one draw of the weights' deviation, shared by the batch. Signs, +1 or -1, of each picture's
    input channels (B, in) and output channels (B, out) make it another draw for each: a deviation times
    signs has the same distribution.
    """
    flipped = torch.conv2d(x * sign_in[..., None, None], delta, stride=stride, padding=1)
    return torch.conv2d(x, mean, stride=stride, padding=1) + flipped * sign_out[..., None, None]


def accuracy(logits: Tensor, y: Tensor) -> Tensor:
    """Share of right answers along the last axis of y: (..., Q, N), (..., Q) -> (...).

    >>> accuracy(torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1, 1, 0])).item()
    0.75
    """
    return (logits.argmax(-1) == y).float().mean(-1)
