"""A reader's own network as an embedding: `wrap`."""

import copy
import warnings
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.parameter import UninitializedParameter

from metalearn_course.nets.norm import Norm, Stats, statistics

RANDOM = ("StochasticDepth", "DropPath", "DropBlock2d")  # of torchvision and timm: they drop layers or regions


def wrap(module: nn.Module, image_size: int, in_channels: int = 3, drop: str | Iterable[str] = ()) -> "Wrapped":
    """An embedding of any convolutional nn.Module whose forward takes pictures and returns one tensor.

    The module is copied, and its weights with it. In the copy
    - batch normalisation (BatchNorm1d to 3d, SyncBatchNorm) becomes the course's, with the same scale, shift
      and eps and without running statistics: which pictures the statistics come from is then up to the
      learner's norm, and norm="running" measures them anew on training episodes;
    - dropout and layers dropped at random become identities, with a warning that names them: a learner's
      answer to a task may not depend on chance, and dropout has no place in an inner loop;
    - the layers named by `drop`, "fc" for instance, become identities too. Without it the output of a
      classification head serves as the features.

    image_size: height and width of the pictures, in pixels; in_channels: 1 for grey, 3 for colour.
    What the module returns is flattened to (B, out_features).
    ValueError where the module cannot take such pictures, returns something else than a tensor, keeps state
    between calls, draws random numbers, or runs a normalisation layer other than once per forward pass.

    >>> net = wrap(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2)), 32)
    >>> net.out_features, net(torch.rand(5, 3, 32, 32)).shape
    (32, torch.Size([5, 32]))
    """
    if any(isinstance(p, UninitializedParameter) for p in module.parameters()):
        raise ValueError("the module has lazy layers whose sizes are not known yet; run it once on pictures, then wrap")
    names = [drop] if isinstance(drop, str) else list(drop)
    body = copy.deepcopy(module)
    for name in names:
        _drop(body, name)
    _without_chance(body)
    body = _with_norms(body)
    config = dict(module=type(module).__name__, image_size=image_size, in_channels=in_channels, drop=names)
    config["n_weights"] = sum(p.numel() for p in body.parameters())
    return Wrapped(body.train(), config)  # in training mode, where an F.dropout would show


class InnerNorm(Norm):
    """A Norm inside a foreign module, which calls it with x alone: `Wrapped` hands statistics in and out."""

    def __init__(self, of: _BatchNorm):
        super().__init__(of.num_features, of.eps)
        if of.affine:
            self.weight, self.bias = of.weight, of.bias
        else:  # buffers, so that no inner loop moves them either
            del self.weight, self.bias
            self.register_buffer("weight", torch.ones(of.num_features), persistent=False)
            self.register_buffer("bias", torch.zeros(of.num_features), persistent=False)
        self.given, self.measured, self.measuring, self.calls = None, None, False, 0

    def forward(self, x: Tensor) -> Tensor:  # ty: ignore[incompatible-method-override]
        """Normalise x (B, C) or (B, C, …) as `Wrapped.forward` was asked to."""
        flat = x.reshape(*x.shape[:2], -1, 1)
        self.calls += 1
        if self.measuring:
            self.given = self.measured = statistics(flat)
        # Modules are used to contiguous tensors: after another layout their x.view(len(x), -1) would fail.
        return super().forward(flat, self.given).contiguous().view(x.shape)


class Wrapped(nn.Module):
    """A module made an `Embedding` by `wrap`; `module` is the copy that it runs."""

    def __init__(self, module: nn.Module, config: dict):
        super().__init__()
        self.module, self.config = module, config
        self.in_channels, self.image_size = config["in_channels"], config["image_size"]
        self.norms = [m for m in module.modules() if isinstance(m, InnerNorm)]  # a plain list: they are in module
        self.out_features = _try_out(self)

    def forward(self, x: Tensor, stats: Stats | None = None, return_stats: bool = False):
        """Features (B, out_features) of x (B, C, H, W), as `Embedding` has it."""
        try:
            for i, norm in enumerate(self.norms):
                norm.given, norm.measuring, norm.calls = stats[i] if stats else None, return_stats, 0
            features = self.module(x).flatten(1)
            measured = tuple(norm.measured for norm in self.norms)
        finally:  # no tensor of a task outlives it
            for norm in self.norms:
                norm.given, norm.measured, norm.measuring = None, None, False
        return (features, measured) if return_stats else features


def _drop(body: nn.Module, name: str) -> None:
    """Put an identity in the place of the layer with this name."""
    known = [n for n, _ in body.named_modules() if n]
    if name not in known:
        raise ValueError(f"drop={name!r}: the module has no such layer; its last ones are {', '.join(known[-5:])}")
    body.set_submodule(name, nn.Identity())


def _without_chance(body: nn.Module) -> None:
    """Put identities in the places of the layers that draw random numbers, and say which."""
    everywhere = body.named_modules(remove_duplicate=False)
    layers = {n: m for n, m in everywhere if isinstance(m, _DropoutNd) or type(m).__name__ in RANDOM}
    if "" in layers:
        raise ValueError(f"the module is a {type(body).__name__}, and a learner's net may not depend on chance")
    for name in layers:
        body.set_submodule(name, nn.Identity())
    if layers:
        warnings.warn(f"wrap leaves out the random layers {', '.join(layers)}: they become identities", stacklevel=3)


def _with_norms(body: nn.Module) -> nn.Module:
    """The module with the course's normalisation for every batch normalisation."""
    for name, layer in list(body.named_modules(remove_duplicate=False)):  # a layer in two places becomes two
        if isinstance(layer, _InstanceNorm) and layer.track_running_stats:
            raise ValueError(f"{name} keeps running statistics; make it with track_running_stats=False")
        if isinstance(layer, _BatchNorm) and not isinstance(layer, _InstanceNorm):
            if not name:
                return InnerNorm(layer)
            body.set_submodule(name, InnerNorm(layer))
    return body


@torch.no_grad()
def _try_out(net: Wrapped) -> int:
    """Numbers per picture, by a forward pass over two pictures; ValueError where the module does not fit."""
    name, shape = net.config["module"], (2, net.in_channels, net.image_size, net.image_size)
    x = next(net.parameters(), torch.zeros(())).new_full(shape, 0.5)
    before = {n: tensor.clone() for n, tensor in net.module.named_buffers()}
    chance = torch.get_rng_state()
    try:
        features = net(x)
    except (RuntimeError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{name} gives no features of pictures {shape} ({error}); check image_size and in_channels, and that its "
            "forward takes the pictures alone and returns one tensor"
        ) from error
    if not torch.equal(torch.get_rng_state(), chance):
        torch.set_rng_state(chance)
        raise ValueError(f"{name} draws random numbers in its forward pass (F.dropout?); take them out, then wrap")
    moved = [n for n, tensor in net.module.named_buffers() if not torch.equal(tensor, before[n])]
    if moved:
        raise ValueError(f"{name} changes {', '.join(moved)} in its forward pass; a task would depend on those before")
    odd = [n for n, m in net.module.named_modules() if isinstance(m, InnerNorm) and m.calls != 1]
    if odd:
        raise ValueError(
            f"{odd[0]} runs {net.module.get_submodule(odd[0]).calls} times in a forward pass, and statistics belong to "
            "one place; give every place a layer of its own, or drop a layer that is not used"
        )
    return features.shape[1]
