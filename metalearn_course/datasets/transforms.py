"""Pictures of other sizes, channels and polarity than the stored ones, the same way for every dataset."""

from dataclasses import replace

import torch
from torch import Tensor

from metalearn_course.datasets.images import ImageClasses

LUMA = (0.299, 0.587, 0.114)  # what red, green and blue weigh in the brightness of a pixel (ITU-R BT.601)
AT_ONCE = 1024  # pictures: what is computed in between is kept small
CLEAR = 64  # of 255: the least difference between ink and paper
EVEN = 48  # of 255: how far paper may lie from its median


def convert(
    images: ImageClasses, size: int | None = None, channels: int | None = None, invert: bool | None = None
) -> ImageClasses:
    """The same classes with pictures of `size` pixels and `channels` (1 or 3), inverted where `invert` says so.

    None leaves things as they are. Hash and picture ids stay: a resized class is the same class to the guard
    that keeps test classes out of training. Raises ValueError for a size below 1 or other channels.
    """
    pixels = images.images
    if size is not None:
        pixels = to_size(pixels, size)
    if channels is not None:
        pixels = to_channels(pixels, channels)
    if invert:
        pixels = 255 - pixels
    return images if pixels is images.images else replace(images, images=pixels, ids=images.picture_ids)


def check(size: int | None = None, channels: int | None = None) -> None:
    """ValueError for what no picture can have."""
    if size is not None and size < 1:
        raise ValueError(f"size={size}: give the side of the pictures in pixels, at least 1")
    if channels not in (None, 1, 3):
        raise ValueError(f"channels={channels}: give 1 for grey or 3 for colour")


def to_size(pixels: Tensor, size: int) -> Tensor:
    """The middle squares of pictures (M, C, H, W) uint8, as (M, C, size, size), antialiased."""
    check(size=size)
    if pixels.shape[-2:] == (size, size):
        return pixels
    height, width = pixels.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[..., top : top + side, left : left + side]
    return torch.cat([_resized(part, size) for part in square.split(AT_ONCE)])


def _resized(pixels: Tensor, size: int) -> Tensor:
    wanted = (size, size)
    smooth = torch.nn.functional.interpolate(pixels.float(), wanted, mode="bicubic", antialias=True)
    return smooth.round_().clamp_(0, 255).to(torch.uint8)


def to_channels(pixels: Tensor, channels: int) -> Tensor:
    """Pictures (M, C, H, W) uint8 with 1 or 3 channels: grey ones repeated, coloured ones as their brightness."""
    check(channels=channels)
    if pixels.shape[1] == channels:
        return pixels
    if channels == 3:
        return pixels.expand(-1, 3, -1, -1).contiguous()
    return torch.cat([_brightness(part) for part in pixels.split(AT_ONCE)])


def _brightness(pixels: Tensor) -> Tensor:
    weights = torch.tensor(LUMA, device=pixels.device).view(3, 1, 1)
    return (pixels.float() * weights).sum(1, keepdim=True).round_().to(torch.uint8)


def polarity(pixels: Tensor) -> Tensor:
    """For grey pictures (M, 1, H, W) uint8: 1 where dark ink is on light paper, -1 for the reverse, else 0.

    The paper is what the outermost pixels show, if four fifths of them are about the same; ink is a
    pixel further inside that differs clearly. Photographs have no such paper and mostly answer 0.
    """
    if min(pixels.shape[-2:]) < 3:
        return torch.zeros(len(pixels), dtype=torch.int64)
    x = pixels[:, 0].to(torch.int16)
    border = torch.cat((x[:, 0], x[:, -1], x[:, 1:-1, 0], x[:, 1:-1, -1]), 1)
    paper = border.median(1).values
    even = ((border - paper[:, None]).abs() <= EVEN).float().mean(1) >= 0.8
    inside = x[:, 1:-1, 1:-1].flatten(1)
    dark_ink = (paper >= 128) & (inside.amin(1) <= paper - CLEAR)
    light_ink = (paper < 128) & (inside.amax(1) >= paper + CLEAR)
    return (dark_ink.long() - light_ink.long()) * even
