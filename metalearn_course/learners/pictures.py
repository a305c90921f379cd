"""What a reader hands to a learner, as the tensors that it works with, or a word on what is wrong.

Only `adapt` and the `Predictor` ask this module: it looks at values, which would make a training loop wait
for the GPU.
"""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

LOWEST, HIGHEST = -0.5, 1.5  # floats beyond were not made for 0..1; a little noise or a sharp resize overshoots less
GREY, COLOUR = ("1", "L"), ("RGB",)  # modes of PIL that are taken as they are


def as_pictures(x, in_channels: int | None = None, image_size: int | None = None) -> Tensor:
    """Pictures (N, in_channels, image_size, image_size) in 0..1, float, of whatever shows them unambiguously.

    x: a tensor or an array (N, C, H, W), (N, H, W, C), (C, H, W), (H, W, C), (H, W), or (N, H, W) where
    pictures are grey; a PIL image; or a list of these, one picture each. uint8 and other integers are
    0..255, bools 0 and 1, floats 0..1 already. in_channels and image_size, of the learner's net, tell
    layouts apart; None: unknown, and only (N, C, H, W) is taken.
    ValueError with cause and remedy for anything else.
    """
    if isinstance(x, (list, tuple)):
        if len(x) == 0:
            raise ValueError("there is no picture; hand in at least one")
        return torch.cat([as_pictures(each, in_channels, image_size) for each in x])
    if isinstance(x, Image.Image):
        x = _from_image(x, in_channels)
    if not isinstance(x, (Tensor, np.ndarray)):
        raise ValueError(f"pictures cannot be read from a {type(x).__name__}; hand in tensors, arrays or PIL images")
    return _in_layout(_unit_range(_as_tensor(x)), in_channels, image_size)


def as_labels(y, n_pictures: int) -> tuple[Tensor, int]:
    """Labels (M,), int64, and the number of classes N; ValueError unless every one of 0…N-1 occurs."""
    y = _label_tensor(y)
    if y.shape != (n_pictures,):
        hint = "; turn one-hot rows into numbers with y.argmax(-1)" if y.ndim == 2 and len(y) == n_pictures else ""
        raise ValueError(f"{n_pictures} pictures and labels of shape {tuple(y.shape)} do not match{hint}")
    if y.is_floating_point() and (y != y.round()).any():
        raise ValueError(f"label {y[y != y.round()][0].item()} is no whole number; number the classes 0, 1, 2 …")
    y = y.long()
    lowest, highest = int(y.min()), int(y.max())
    if lowest < 0:
        raise ValueError(f"a support picture has label {lowest}; number the classes 0, 1, 2 … from 0 on")
    if highest >= n_pictures or (y.bincount() == 0).any():
        missing = min(set(range(n_pictures + 1)) - set(y.tolist()))
        raise ValueError(
            f"labels go up to {highest}, but no support picture has label {missing}; number the classes 0, 1, 2 … "
            "without gaps: torch.unique(y, return_inverse=True)[1]"
        )
    return y, highest + 1


def _label_tensor(y) -> Tensor:
    """Labels as a tensor of numbers."""
    found = y if isinstance(y, Tensor) else np.asarray(y)
    if isinstance(found, np.ndarray):
        if found.dtype.kind not in "iufb":
            name = found.tolist()[0] if found.ndim and found.size else y
            raise ValueError(
                f"labels are numbers, and {name!r} is none; number the classes: "
                "names = sorted(set(labels)); y = torch.tensor([names.index(label) for label in labels])"
            )
        found = _as_tensor(found.astype(np.int64) if found.dtype.kind in "iub" else found)
    if found.is_complex():
        raise ValueError("labels are whole numbers 0, 1, 2 …, not complex ones")
    return found


def _from_image(image: Image.Image, in_channels: int | None) -> np.ndarray:
    """The pixels of a PIL image, (H, W) or (H, W, 3); grey ones are shown in grey to a net of colours."""
    if image.mode not in GREY + COLOUR:
        to = "L" if in_channels == 1 else "RGB"
        raise ValueError(
            f"a PIL image of mode {image.mode!r}: say how it becomes {to}, for instance with image.convert({to!r}); "
            "paste transparent pictures onto a background first"
        )
    if in_channels == 1 and image.mode in COLOUR:
        raise ValueError("a PIL image in colour, but the net was made for grey ones; image.convert('L') makes it grey")
    return np.array(image.convert("RGB" if in_channels == 3 or image.mode in COLOUR else "L"))


def _as_tensor(x: Tensor | np.ndarray) -> Tensor:
    if isinstance(x, Tensor):
        return x
    if x.dtype.kind not in "iufb":
        raise ValueError(f"an array of {x.dtype} shows no pictures; hand in uint8 in 0..255 or floats in 0..1")
    return torch.from_numpy(np.array(x, order="C", dtype=x.dtype.newbyteorder("=")))  # a copy, in native layout


def _unit_range(x: Tensor) -> Tensor:
    """Floats in 0..1 of any number type, in the default dtype for integers; ValueError where the scale is in doubt."""
    if x.numel() == 0:
        raise ValueError(f"there is no picture in a tensor of shape {tuple(x.shape)}; hand in at least one")
    if x.is_complex():
        raise ValueError("complex numbers show no pictures; hand in uint8 in 0..255 or floats in 0..1")
    if x.dtype == torch.bool:
        return x.to(torch.get_default_dtype())
    if x.dtype == torch.uint8:
        return x.to(torch.get_default_dtype()) / 255
    lowest, highest = (x.double().amin().item(), x.double().amax().item())
    if x.is_floating_point():
        return _checked_floats(x, lowest, highest)
    if x.dtype in (torch.int16, torch.int32, torch.int64) and lowest >= 0 and 1 < highest <= 255:
        return x.to(torch.get_default_dtype()) / 255
    raise ValueError(
        f"whole numbers {lowest:.0f} to {highest:.0f} of type {x.dtype} do not tell their scale; divide them by the "
        "value of full brightness, or hand in uint8 in 0..255"
    )


def _checked_floats(x: Tensor, lowest: float, highest: float) -> Tensor:
    if not (lowest >= LOWEST and highest <= HIGHEST):  # so written, NaN is refused too
        raise ValueError(
            f"pixel values go from {lowest:.3g} to {highest:.3g}, but learners are trained on 0..1; divide values in "
            "0..255 by 255, and leave out a normalisation by mean and deviation"
        )
    return x


def _in_layout(x: Tensor, channels: int | None, size: int | None) -> Tensor:
    """(N, C, H, W) of the one layout that fits the net; ValueError where none or more than one does."""
    if channels is None or size is None:
        if x.ndim != 4:
            raise ValueError(f"pictures of shape {tuple(x.shape)}; this learner wants (N, C, H, W)")
        return x
    layouts: dict[str, tuple[tuple, Callable[[], Tensor]]] = {
        "N C H W": ((None, channels, size, size), lambda: x),
        "N H W C": ((None, size, size, channels), lambda: x.movedim(-1, 1)),
        "C H W": ((channels, size, size), lambda: x.unsqueeze(0)),
        "H W C": ((size, size, channels), lambda: x.movedim(-1, 0).unsqueeze(0)),
    }
    if channels == 1:
        layouts |= {"N H W": ((None, size, size), lambda: x.unsqueeze(1)), "H W": ((size, size), lambda: x[None, None])}
    fitting = [name for name, (shape, _) in layouts.items() if _fits(x, shape)]
    if {"N C H W", "N H W C"} <= {*fitting} or {"C H W", "H W C"} <= {*fitting}:
        raise ValueError(f"pictures of shape {tuple(x.shape)} may have channels first or last; hand in (N, C, H, W)")
    if not fitting:
        raise ValueError(_why_no_layout(x, channels, size))
    return layouts[fitting[0]][1]()


def _fits(x: Tensor, shape: tuple) -> bool:
    return x.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, x.shape))


def _why_no_layout(x: Tensor, channels: int, size: int) -> str:
    """What is wrong with a shape, and what mends it."""
    kind = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    wanted = f"this learner's net takes {kind} pictures of {size} x {size} pixels, (N, {channels}, {size}, {size})"
    if x.ndim == 5:
        return f"pictures of shape {tuple(x.shape)}: a task comes without a task axis; {wanted}"
    remedies = []
    if (x.shape[-2:] if x.ndim < 3 or x.shape[-1] not in (1, 3, 4) else x.shape[-3:-1]) != (size, size):
        remedies.append(f"resize them, for instance with torchvision.transforms.functional.resize(x, [{size}, {size}])")
    if x.ndim >= 3 and channels not in (x.shape[-3], x.shape[-1]):
        grey, colour = (
            "average the channels: x.mean(-3, keepdim=True)",
            "repeat the grey channel: x.expand(-1, 3, -1, -1)",
        )
        remedies.append(grey if channels == 1 else colour)
    return f"pictures of shape {tuple(x.shape)}, but {wanted}; " + (
        " and ".join(remedies) or "bring them into this shape"
    )
