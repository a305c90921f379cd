"""Small generators, and the classes that they are easy to try on."""

import torch
from helpers import samplers
from small_learners import some_episodes

from metalearn_course import nets
from metalearn_course.datasets import from_tensors
from metalearn_course.learners import VILM, Pretrained
from metalearn_course.sampling import EpisodeSampler

SIZES = dict(hidden=8, c_size=6, z_size=4, head_steps=20)


def base(kind=Pretrained, **options):
    """A frozen embedding's owner, with running statistics."""
    torch.manual_seed(1)
    options |= dict(n_classes=10, head_steps=20) if kind is Pretrained else {}
    learner = kind(nets.Conv4(image_size=16, hidden=8), 3, **options)
    learner.calibrate(some_episodes(seed=9))
    return learner


def small(start=None, **options) -> VILM:
    torch.manual_seed(2)
    learner = VILM(nets.Conv4(image_size=16, hidden=8), 3, **(SIZES | options))
    learner.start_from(start or base())
    return learner


def easy(n_tasks=2, part=0, **shape):
    return samplers(**shape)[part].sample_tasks(5, 0, range(n_tasks))


def blocks(n_way=5, k_shot=2, n_query=4) -> EpisodeSampler:
    """Eight classes, black and white patterns of large blocks, each picture shifted a little."""
    g = torch.Generator().manual_seed(0)
    patterns = (torch.rand(8, 4, 4, generator=g) < 0.4).float().kron(torch.ones(4, 4))
    shifts = torch.randint(-1, 2, (160, 2), generator=g).tolist()
    pictures = [patterns[i // 20].roll(shift, (0, 1)) for i, shift in enumerate(shifts)]
    images = (255 * torch.stack(pictures)).to(torch.uint8).unsqueeze(1)
    return EpisodeSampler(from_tensors("blocks", images, [20] * 8, list("abcdefgh")), n_way, k_shot, n_query)
