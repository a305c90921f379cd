"""What a learner expects of a net, and the check of it when a learner is made."""

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from metalearn_course.nets.norm import Stats

REMEDY = (
    "nets.wrap(module, image_size=…) makes an embedding of any convolutional nn.Module; "
    "nets.Embedding says what one of your own needs"
)


@runtime_checkable
class Embedding(Protocol):
    """A net that turns pictures into features: an nn.Module with the following, checked by `check`.

    It keeps no running statistics, and nothing else, between two calls, and draws no random numbers: its
    features are a function of its parameters, of x and of stats. It has to run under `torch.vmap` and
    `torch.func.functional_call`; for MAML it has to have second derivatives.
    """

    config: dict[str, Any]  # the arguments that it was made with, for checkpoints: anything that JSON can say
    in_channels: int  # of a picture: 1 for grey, 3 for colour
    image_size: int  # height and width of a picture, in pixels
    out_features: int  # numbers per picture

    def __call__(self, x: Tensor, stats: Stats | None = None, return_stats: bool = False) -> Any:
        """Features (B, out_features) of pictures x (B, in_channels, image_size, image_size) in 0..1.

        stats=None normalises with the statistics of x itself; otherwise with the given ones, one pair
        (mean, variance), each (channels,), per normalisation layer, always in the same order; () for a net
        without one. With return_stats=True the answer is (features, the statistics of x).
        """
        ...


def check(net: nn.Module) -> list[int]:
    """Channels of every normalisation layer of an embedding, found by a forward pass over two black pictures.

    TypeError where the net is no `Embedding`; the message says everything that it lacks.
    """
    name = type(net).__name__
    if not isinstance(net, nn.Module):
        raise TypeError(f"the net is a {name}, but a learner wants an nn.Module; {REMEDY}")
    faults = _missing(net) or _broken_promises(net)
    if faults:
        raise TypeError(f"{name} cannot be a learner's net: {'; '.join(faults)}. {REMEDY}")
    return [len(mean) for mean, _ in _measure(net)[1]]


def _missing(net: nn.Module) -> list[str]:
    """Attributes that are not there, and layers that cannot be."""
    wanted = {"config": dict, "in_channels": int, "image_size": int, "out_features": int}
    found = {name: getattr(net, name, None) for name in wanted}
    lacking = [f"{name} ({kind.__name__})" for name, kind in wanted.items() if not isinstance(found[name], kind)]
    running = [name for name, _ in net.named_buffers() if name.endswith(("running_mean", "running_var"))]
    faults = ["it lacks " + ", ".join(lacking)] if lacking else []
    if running:
        faults.append(f"it keeps running statistics ({running[0]}), so that a task would depend on those before it")
    return faults


def _broken_promises(net: nn.Module) -> list[str]:
    """What a forward pass gives that an embedding's does not."""
    try:
        features, stats = _measure(net)
    except TypeError as error:
        return [f"its forward does not take (x, stats=None, return_stats=False) ({error})"]
    except (ValueError, RuntimeError) as error:
        shape = (2, net.in_channels, net.image_size, net.image_size)
        return [f"its forward fails on pictures {shape} with return_stats=True ({error})"]
    if not isinstance(features, Tensor) or features.shape != (2, net.out_features):
        got = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        return [f"out_features={net.out_features}, but its features of two pictures are {got}"]
    if not all(len(pair) == 2 and all(part.ndim == 1 for part in pair) for pair in stats):
        return ["its statistics are not pairs (mean, variance), each (channels,)"]
    return []


@torch.no_grad()
def _measure(net: Any) -> tuple[Tensor, Stats]:
    like = next(net.parameters(), torch.zeros(()))
    x = like.new_zeros(2, net.in_channels, net.image_size, net.image_size)
    features, stats = net(x, return_stats=True)
    return features, stats
