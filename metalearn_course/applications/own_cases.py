"""Cases to try few-shot learning on: scanned digits, and what needs no learned features at all."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from metalearn_course.datasets import transforms
from metalearn_course.datasets.images import ImageClasses, from_tensors
from metalearn_course.episode import Episode
from metalearn_course.evaluation import Score
from metalearn_course.sampling import EpisodeSampler


def digits(size: int = 28) -> ImageClasses:
    """scikit-learn's 1,797 scanned digits of 43 writers (UCI, Alpaydin & Kaynak 1998), ink 1 on paper 0, in 10 classes.

    They come as 8 x 8 pixels of 17 tones; they get a margin of one pixel and are made `size` pixels wide.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    order = found.target.argsort(kind="stable")
    tones = torch.from_numpy(found.images[order]).unsqueeze(1) * (255 / 16)
    framed = torch.nn.functional.pad(tones.round().to(torch.uint8), (1, 1, 1, 1))
    counts = torch.from_numpy(found.target).bincount().tolist()
    return from_tensors("digits", transforms.to_size(framed, size), counts, [str(digit) for digit in range(10)])


def nearest_pixels(task: Episode) -> Tensor:
    """Answers (Q,): the label of the support picture at the smallest Euclidean distance, pixel by pixel."""
    return task.support.y[torch.cdist(task.query.x.flatten(1), task.support.x.flatten(1)).argmin(1)]


def logistic_regression(task: Episode) -> Tensor:
    """Answers (Q,) of scikit-learn's logistic regression on the pixels of the support set, with its usual penalty."""
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about convergence: with so few pictures it hardly matters
        model = LogisticRegression(max_iter=200).fit(task.support.x.flatten(1).numpy(), task.support.y.numpy())
    return torch.from_numpy(model.predict(task.query.x.flatten(1).numpy()))


def score(answer: Callable[[Episode], Tensor], sampler: EpisodeSampler, like: Score, seed: int = 0) -> Score:
    """The accuracies of `answer` on the very episodes that `evaluation.evaluate` scored in `like` with this seed."""
    numbers = range(len(like.per_episode))
    tasks = (sampler.gather(*sampler.draw_tasks(seed, 0, [number])).task(0) for number in numbers)
    right = [(answer(task) == task.query.y).float().mean() for task in tasks]
    return Score(torch.stack(right), "none", like.episodes_hash)
