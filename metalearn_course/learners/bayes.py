"""Networks whose weights have a distribution: independent Gaussians over a Conv4's convolutions and a linear head.

phi is a pytree {"net": {name: mean}, "head": {"weight": mean, "bias": mean}, "log_var": {name: tensor}}; the
scales and shifts of the normalisation are among "net" and have no variance. A log variance is named after
its mean: "net.blocks.0.conv.weight", "head.bias".
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course import functional, nets

LARGEST = 256  # pictures that one forward pass has noise for


def check(net: nn.Module) -> None:
    """TypeError for a net whose layers are not known here: noise is drawn layer by layer."""
    if not isinstance(net, nets.Conv4):
        raise TypeError(
            f"{type(net).__name__}: weights are drawn layer by layer, which is written for the blocks of nets.Conv4; "
            "take Conv4 or a class derived from it, or write bayes.sampled_scores for your net"
        )


def has_variance(name: str) -> bool:
    """Whether the tensor "net.…" or "head.…" has a distribution: kernels and the head, but no normalisation."""
    return name.endswith("conv.weight") or name.startswith("head.")


def means(phi: dict) -> list[Tensor]:
    """The means of the weights that have a distribution: of each convolution, and of the head."""
    return [phi[part][name] for part in ("net", "head") for name in phi[part] if has_variance(f"{part}.{name}")]


def draw_noise(net: nets.Conv4, n_way: int, passes: int, generator: torch.Generator) -> dict[str, Tensor]:
    """What `sampled_scores` needs, for a number of forward passes."""
    convs = [block.conv for block in net.blocks]
    n_signs = sum(conv.in_channels + conv.out_channels for conv in convs)
    return {
        "weights": torch.randn(passes, sum(conv.weight.numel() for conv in convs), generator=generator),
        "signs": torch.randint(0, 2, (passes, LARGEST, n_signs), generator=generator, dtype=torch.int8),
        "scores": torch.randn(passes, LARGEST, n_way, generator=generator),
    }


def sampled_scores(net: nets.Conv4, phi: dict, x: Tensor, noise: dict, n_stats: int | None = None) -> Tensor:
    """(M, n_way) scores of x (M, C, H, W), each picture under weights of its own drawn from phi.

    By Flipout in the convolutions, by local reparameterisation in the head. noise is that of one pass.
    n_stats: the pictures, from the first, whose statistics normalise all; all of them by default.
    """
    if len(x) > LARGEST:
        raise ValueError(f"{len(x)} pictures in one pass, but there is noise for {LARGEST} at most; use fewer queries")
    *deviations, head_weight, head_bias = ((log_var / 2).exp() for log_var in phi["log_var"].values())
    convs = [block.conv for block in net.blocks]
    epsilons = noise["weights"].to(x.dtype).split([conv.weight.numel() for conv in convs])
    signs = 2 * noise["signs"][: len(x)].to(x.dtype) - 1
    signs = signs.split([n for conv in convs for n in (conv.in_channels, conv.out_channels)], -1)
    for i, (block, deviation, epsilon) in enumerate(zip(net.blocks, deviations, epsilons)):
        mean, *affine = (phi["net"][f"blocks.{i}.{name}"] for name in ("conv.weight", "norm.weight", "norm.bias"))
        delta = deviation * epsilon.view_as(deviation)
        x = functional.flipout_conv2d(x, mean, delta, signs[2 * i], signs[2 * i + 1], block.conv.stride)
        x = F.max_pool2d(x, 2) if block.pool else x
        stats = () if n_stats is None else torch.var_mean(x[:n_stats], (0, 2, 3), correction=0)[::-1]
        x = F.relu(functional.normalise(x, *stats, *affine) if stats else functional.batch_norm(x, *affine))
    x, head, epsilon = net.read_out(x), phi["head"], noise["scores"][: len(x)].to(x.dtype)
    return functional.local_linear(x, head["weight"], head["bias"], head_weight, head_bias, epsilon)


def drawn(phi: dict, epsilon: Tensor) -> dict:
    """Weights mean + deviation * epsilon, epsilon (P,) standard normal; what has no variance stays as it is."""
    log_vars = phi["log_var"]
    parts = zip(log_vars, epsilon.split([log_var.numel() for log_var in log_vars.values()]))
    steps = {name: (log_vars[name] / 2).exp() * e.view_as(log_vars[name]) for name, e in parts}
    return {
        part: {name: w + steps.get(f"{part}.{name}", 0) for name, w in phi[part].items()} for part in ("net", "head")
    }


def kl(phi: dict, prior: dict) -> Tensor:
    """KL(phi || prior) of two such distributions, in nats."""
    flat = [
        torch.cat([part.flatten() for part in parts])
        for each in (phi, prior)
        for parts in (means(each), each["log_var"].values())
    ]
    return functional.gaussian_kl(*flat)
