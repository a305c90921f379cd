"""What several tests share: easy pictures, small learners and small runs."""

import json
from pathlib import Path

import torch
from PIL import Image

from metalearn_course import nets, training
from metalearn_course.datasets import ImageClasses, from_tensors
from metalearn_course.functional import prototypes
from metalearn_course.learners import MAML, Learner
from metalearn_course.sampling import EpisodeSampler

# What makes a training from the command line a small one.
TINY_RUN = ["--n-way", "3", "--k-shot", "1", "--n-query", "2", "--n-tasks", "2", "--device", "cpu"]


def easy_classes(n_classes: int = 30, n_pictures: int = 10, size: int = 16, seed: int = 0) -> ImageClasses:
    """Classes that are easy to tell apart: each has a pattern of its own, each picture some noise."""
    g = torch.Generator().manual_seed(seed)
    patterns = torch.rand(n_classes, 1, 1, size, size, generator=g)
    pictures = 0.7 * patterns + 0.3 * torch.rand(n_classes, n_pictures, 1, size, size, generator=g)
    images = (255 * pictures).to(torch.uint8).flatten(0, 1)
    return from_tensors("easy", images, [n_pictures] * n_classes, [f"class{c:02}" for c in range(n_classes)])


def samplers(n_way: int = 3, k_shot: int = 1, n_query: int = 2) -> tuple[EpisodeSampler, ...]:
    """Of training, validation and test classes."""
    parts = easy_classes().split(sizes=(15, 5, 10))
    return tuple(EpisodeSampler(part, n_way, k_shot, n_query) for part in parts)


def tiny_maml(n_way: int = 3, seed: int = 0, **options) -> MAML:
    """The same weights for the same seed."""
    torch.manual_seed(seed)
    return MAML(nets.Conv4(hidden=4, image_size=16), n_way, **options)


class Noisy(Learner):
    """Prototypes that are a little off, as those of a Bayesian learner would be."""

    def __init__(self, n_way: int = 3, seed: int = 0):
        super().__init__(n_way)
        torch.manual_seed(seed)
        self.net, self.config = nets.Conv4(hidden=4, image_size=16), dict(n_way=n_way)

    def draw_noise(self, generator):
        return torch.randn(self.n_way, self.net.out_features, generator=generator)

    def adapt_state(self, support, *, n_way=None, norm=None, noise=()):
        return prototypes(self.net(support.x), support.y, self.n_way) + noise

    def logits(self, state, x):
        return -(self.net(x).unsqueeze(1) - state).pow(2).sum(-1)


def small_run(out, n_steps: int = 6, learner: Learner | None = None, **options) -> tuple[Learner, training.History]:
    """A run of a few steps, with everything that a run can have."""
    learner = learner or tiny_maml()
    train, validation, _ = samplers()
    settings = dict(n_tasks=2, validate=validation, validate_every=3, n_validation=4, save_every=2, progress=False)
    return learner, training.fit(learner, train, n_steps, out=out, **settings | options)


def run_in_a_process(out: Path, n_steps: int) -> None:
    """What a process does that is killed in the middle."""
    torch.set_num_threads(1)
    small_run(out, n_steps, n_tasks=1, validate_every=5, save_every=3)


def without_time(history: training.History | Path) -> list[dict]:
    """The records of a history, or of the log of a run's folder, but for the seconds."""
    records = history.records if isinstance(history, training.History) else read_log(history)
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


def remembered(trained_on: dict) -> dict:
    """What a learner was trained on, with its tensor as a list, to compare it."""
    return {key: value.tolist() if isinstance(value, torch.Tensor) else value for key, value in trained_on.items()}


def read_log(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def assert_same_tensors(found: dict, wanted: dict) -> None:
    """Bit for bit."""
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if not torch.equal(found[name], wanted[name])] == []


def write_pictures(root: Path, images: ImageClasses, mode: str = "L") -> Path:
    """The classes as a folder of class folders."""
    for name, start, count in zip(images.names, images.starts.tolist(), images.counts.tolist()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            picture = Image.fromarray(images.images[start + number, 0].numpy()).convert(mode)
            picture.save(root / name / f"{number}.png")
    return root


def assert_comes_back(control, picture, other) -> None:
    """A widget's picture changes with the control's value, and is the old one again when the value is."""
    value, seen = control.value, picture.value
    control.value = other
    assert picture.value != seen
    control.value = value
    assert picture.value == seen
