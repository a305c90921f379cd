"""What further pictures of a class are worth: generated, turned and shifted, repeated, or really more of them.

All are asked on the same frozen episodes: an episode is drawn with SPARE more pictures per class than a
task gets, and only the comparison with really more shots sees them.
"""

from typing import cast

import torch
from torch import Tensor

from metalearn_course import training
from metalearn_course.datasets import ImageClasses
from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.evaluation.accuracy import Score, evaluate
from metalearn_course.evaluation.comparison import paired
from metalearn_course.functional import warp
from metalearn_course.learners import VILM
from metalearn_course.learners.registry import build
from metalearn_course.sampling import EpisodeSampler

SPARE = 5  # pictures per class, drawn for the comparison with really more shots
WEIGHTS = (0.1, 0.3, 1.0)  # to choose from on validation classes: what all further pictures of a class count
OPTIONS = ("head", "tune_steps", "tune_lr", "temperature", "class_temperature")  # of a VILM that is trained already
TRIALS = (("generated", 1), ("generated", 5), ("generated", 20), ("affine", 5), ("affine", 20), ("repeated", 5))


class FirstShots(EpisodeSampler):
    """The episodes of EpisodeSampler(images, n_way, k_shot + SPARE, n_query) with k_shot (+ more) of the shots."""

    def __init__(self, images: ImageClasses, n_way: int, k_shot: int, n_query: int, more: int = 0):
        super().__init__(images, n_way, k_shot + SPARE, n_query)
        self.shots = k_shot + more

    def gather(self, classes: Tensor, numbers: Tensor) -> Episode:
        """The episodes with the given indices, the support cut to the first shots of every class."""
        episodes = super().gather(classes, numbers)
        first = (part.unflatten(1, (self.n_way, -1))[:, :, : self.shots].flatten(1, 2) for part in episodes.support)
        return episodes._replace(support=LabelledSet(*first))


def repeated(support: LabelledSet, m: int, *, n_way: int, noise=None) -> LabelledSet:
    """m pictures per class, the support's own in turn; the support lists its classes one after another."""
    n_shots = len(support.y) // n_way
    return LabelledSet(
        *(part.unflatten(0, (n_way, n_shots))[:, torch.arange(m) % n_shots].flatten(0, 1) for part in support)
    )


def affine(support: LabelledSet, m: int, *, n_way: int, noise: dict[str, Tensor]) -> LabelledSet:
    """The same, each turned (deviation 0.15 rad), sheared (0.1), scaled (8 %) and shifted (1.4 pixels of 28).

    noise: a task's of `VILM`, whose numbers "z" are used, six a picture.
    """
    x, y = repeated(support, m, n_way=n_way)
    turn, shear, *rest = noise["z"].flatten()[: 6 * len(x)].view(-1, 6).to(x).unbind(-1)
    wide, high, right, down = (deviation * each for deviation, each in zip((0.08, 0.08, 0.1, 0.1), rest))
    cos, sin = (0.15 * turn).cos(), (0.15 * turn).sin()
    rows = [torch.stack(row, -1) for row in ([cos + wide, 0.1 * shear - sin, right], [sin, cos + high, down])]
    return LabelledSet(warp(x, torch.stack(rows, 1)), y)


MAKERS = {"generated": None, "affine": affine, "repeated": repeated}  # None: the learner's own


def with_options(learner: VILM, **options) -> VILM:
    """The same learner with other options of fitting and drawing, OPTIONS among them."""
    other = cast(VILM, build(training.describe(learner) | options))
    weights = {name: tensor for name, tensor in learner.state_dict().items() if name in other.state_dict()}
    other.load_state_dict(weights)
    other.trained_on = learner.trained_on
    return other.to(learner.running.device)


def compare(learner: VILM, tasks: tuple, choice: tuple, n_episodes: int, n_choice: int):
    """Score every trial on the same episodes; returns one dict per trial, and the hash of the episodes.

    tasks: arguments of FirstShots to measure on; choice: those of validation classes, where n_choice episodes
    and five pictures per class choose what a maker's pictures count. The gain is over the support set alone.
    """

    def scored(episodes: tuple, n: int, more: int = 0, **how) -> Score:
        return evaluate(learner, FirstShots(*episodes, more=more), n, **how)

    def chosen(make) -> float:
        return max(WEIGHTS, key=lambda w: scored(choice, n_choice, m=5, weight=w / 5, make=make).accuracy)

    weights = {what: chosen(make) for what, make in MAKERS.items()}
    alone = scored(tasks, n_episodes, m=0)
    found = [_row("real", 0, None, alone, alone)]
    for what, m in TRIALS:
        score = scored(tasks, n_episodes, m=m, weight=weights[what] / m, make=MAKERS[what])
        found.append(_row(what, m, weights[what], score, alone))
    for more in (1, SPARE):
        found.append(_row("real", more, None, scored(tasks, n_episodes, more, m=0), alone))
    return found, alone.episodes_hash


def _row(what: str, m: int, weight: float | None, score: Score, alone: Score) -> dict:
    """What was added, how many pictures per class, what they count together, the accuracy and the paired gain."""
    gain = paired(score, alone)
    figures = dict(accuracy=score.accuracy, ci95=score.ci95, gain=gain.gain, gain_ci95=gain.ci95)
    return dict(what=what, m=m, weight=weight) | {name: round(value, 5) for name, value in figures.items()}


def table(measured: dict[str, dict]) -> str:
    """What `compare` found, one column per measurement: the accuracy of the support set alone, below it the gains."""
    names = list(measured)
    lines = [" " * 18 + "".join(f"{name:>22}" for name in names)]
    for rows in zip(*(measured[name]["rows"] for name in names)):
        what = f"{rows[0]['what']}, {'+' if rows[0]['what'] == 'real' else 'm ='} {rows[0]['m']}"
        key, sign = ("gain", "+") if rows[0]["m"] else ("accuracy", "")
        interval = "gain_ci95" if rows[0]["m"] else "ci95"
        cells = (f"{100 * row[key]:{sign}.2f} ± {100 * row[interval]:.2f}" for row in rows)
        lines.append(f"{what:18}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)
