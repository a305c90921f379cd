"""The embedding that every learner of the course stands on: four convolution blocks."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course.nets.norm import Norm, Stats, statistics


class Block(nn.Module):
    """3x3 convolution, half the resolution, normalisation, ReLU.

    The max-pool comes before normalisation and ReLU: they then see a quarter of the pixels.
    """

    def __init__(self, in_channels: int, channels: int, pool: bool):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, 3, stride=1 if pool else 2, padding=1, bias=False)
        self.norm = Norm(channels)
        self.pool = pool

    def shrink(self, x: Tensor) -> Tensor:
        """Convolve and halve the resolution: what the normalisation gets to see."""
        x = self.conv(x)
        return F.max_pool2d(x, 2) if self.pool else x

    def out_size(self, size: int) -> int:
        return size // 2 if self.pool else (size + 1) // 2


class Conv4(nn.Module):
    """Four blocks with `hidden` channels: (B, C, H, W) -> (B, out_features).

    `downsample="stride"` (strided convolutions, the net of the MAML paper's Omniglot runs) costs a
    quarter of `downsample="max"` (max-pooling, the net of most other papers). Pictures are square,
    `image_size` pixels wide; 28 and 32 or 84 are the usual ones.

    >>> net = Conv4(in_channels=1, image_size=28, hidden=8)
    >>> net.out_features, net(torch.rand(5, 1, 28, 28)).shape
    (32, torch.Size([5, 32]))
    """

    blocks: Any  # an nn.ModuleList of Block: torch has no type for the elements

    def __init__(self, in_channels: int = 1, image_size: int = 28, hidden: int = 64, downsample: str = "stride"):
        super().__init__()
        if downsample not in ("stride", "max"):
            raise ValueError(f"downsample={downsample!r}: choose 'stride' or 'max'")
        self.config = dict(in_channels=in_channels, image_size=image_size, hidden=hidden, downsample=downsample)
        self.in_channels, self.image_size = in_channels, image_size
        channels = [in_channels] + [hidden] * 4
        blocks = [Block(a, b, downsample == "max") for a, b in zip(channels, channels[1:])]
        self.blocks, size = nn.ModuleList(blocks), image_size
        for block in blocks:
            size = block.out_size(size)
        if size < 1:
            raise ValueError(f"image_size={image_size} is too small for four halvings; use 16 or more")
        self.out_features = hidden * size * size

    def forward(self, x: Tensor, stats: Stats | None = None, return_stats: bool = False):
        """Features (B, out_features) of x (B, C, H, W).

        stats=None normalises with the statistics of x itself; otherwise with the given ones, one
        (mean, variance) pair per block. With return_stats=True the answer is (features, stats of x).
        """
        measured = []
        for i, block in enumerate(self.blocks):
            x = block.shrink(x)
            given = stats[i] if stats else None
            if return_stats:
                measured.append(given := statistics(x))
            x = F.relu(block.norm(x, given))
        features = self.read_out(x)
        return (features, tuple(measured)) if return_stats else features

    def read_out(self, x: Tensor) -> Tensor:
        """Features (B, out_features) of the last block's output (B, hidden, h, w): all of it."""
        return x.flatten(1)


class MamlNet(Conv4):
    """Conv4 whose features are the mean over positions, (B, hidden_size): the net of `lessons.clinic`."""

    def __init__(self, in_channels: int = 1, hidden_size: int = 64, image_size: int = 28):
        super().__init__(in_channels, image_size, hidden_size)
        self.config = dict(in_channels=in_channels, hidden_size=hidden_size, image_size=image_size)
        self.out_features = hidden_size

    def read_out(self, x: Tensor) -> Tensor:
        """Features (B, hidden_size) of the last block's output (B, hidden_size, h, w): its mean."""
        return x.mean((2, 3))
