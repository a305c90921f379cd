"""Networks as readers bring them: of a tutorial, with batch normalisation and dropout, and of torchvision."""

import warnings

import torch
import torch.nn.functional as F
from torch import nn

from metalearn_course import nets


class Tutorial(nn.Module):
    """Convolution, ReLU and max-pooling twice, then linear layers: the net of many a first tutorial."""

    def __init__(self, n_classes: int = 10):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 3), nn.Conv2d(6, 8, 3)
        self.fc1, self.fc2 = nn.Linear(8 * 2 * 2, 16), nn.Linear(16, n_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, 8 * 2 * 2)
        return self.fc2(F.relu(self.fc1(x)))


def with_batch_norm() -> nn.Module:
    """Batch normalisation of pictures and of features, and dropout of both."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, bias=False),
        nn.BatchNorm2d(6, eps=1e-3),
        nn.ReLU(inplace=True),
        nn.Dropout2d(0.3),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(6 * 7 * 7, 12),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(12, 5),
    )


def resnet18() -> nn.Module:
    from torchvision.models import resnet18

    return resnet18(weights=None)


def wrapped(name: str, seed: int = 0) -> nets.Wrapped:
    """One of them as an embedding of 16 x 16 pictures; the same weights for the same seed."""
    torch.manual_seed(seed)
    make, options = FOREIGN[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nets.wrap(make(), image_size=16, **options)


FOREIGN = {
    "tutorial": (Tutorial, dict(in_channels=1, drop="fc2")),
    "batch norm and dropout": (with_batch_norm, dict(in_channels=1, drop=["9", "10"])),
    "resnet18": (resnet18, dict(in_channels=3, drop="fc")),
}
