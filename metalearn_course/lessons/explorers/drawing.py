"""Recognising a drawing by hand: strokes in, pictures as the kanji data has them, probabilities out.

A stroke is a list of [x, y] in a box of 109 x 109 units, y downwards; a drawing is a list of strokes.
"""

import json
import math
from dataclasses import dataclass
from importlib.resources import files

import torch
from torch import Tensor

from metalearn_course.datasets.strokes import BOX, render, resample
from metalearn_course.episode import LabelledSet
from metalearn_course.learners.base import Learner

Strokes = list[list[list[float]]]
N_WAY = 5
FILL = 84.0  # the longer side of a kanji's bounding box, in units: its mean over all characters
PEN = 1.6  # pixels, the middle of the kanji's 1.2 to 2.0
N_POINTS = 64  # a stroke; more than the kanji's 12, for one stroke may be a whole spiral
DOT = 1.0  # a drawing smaller than this many units is a dot, which has no size to scale


def check(strokes: Strokes) -> Strokes:
    """The strokes as they came; ValueError unless they are a list of non-empty lists of two finite numbers."""
    for stroke in _sequence(strokes, "a drawing is a list of strokes"):
        for point in _sequence(stroke, "a stroke is a list of [x, y] points"):
            pair = _sequence(point, "a point is [x, y]")
            if len(pair) != 2 or not all(isinstance(v, (int, float)) and math.isfinite(v) for v in pair):
                raise ValueError(f"a point is [x, y], two finite numbers; this one is {point!r}")
        if not len(stroke):
            raise ValueError("a stroke has no points: give it one (a dot) or more, or leave it out")
    return strokes


def _sequence(value, rule: str):
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{rule}; this one is {value!r}")
    return value


def picture(strokes: Strokes) -> Tensor:
    """The drawing as a picture (1, 28, 28), ink 1 on paper 0, moved and scaled to fill it as a kanji does.

    Where on the pad it was drawn, how large, and in which order does not matter. ValueError where
    there is nothing to draw, or what there is is no drawing.
    """
    lines = [torch.tensor(stroke, dtype=torch.float32) for stroke in check(strokes)]
    if not lines:
        raise ValueError("the drawing is empty: draw at least one stroke")
    lines = [line.repeat(2, 1) if len(line) == 1 else line for line in lines]  # a dot, as a line of no length
    lowest, highest = torch.cat(lines).aminmax(dim=0)
    side = float((highest - lowest).max())
    scale = FILL / side if side >= DOT else 1.0
    lines = [(line - (lowest + highest) / 2) * scale + BOX / 2 for line in lines]
    return render(torch.stack([resample(line, N_POINTS) for line in lines]).unsqueeze(0), torch.tensor([PEN]))


def recorded() -> tuple[list[Strokes], list[Strokes]]:
    """Five invented symbols, and each of them drawn a second time, in another way.

    They stand in where nobody draws. They are no recordings of a pen: for each drawing the points
    that a hand would pass were set one by one, for the second version anew (other proportions,
    slant, stroke order and direction), then joined by smooth curves that waver a little.
    """
    text = (files("metalearn_course.lessons.explorers") / "drawings.json").read_text(encoding="utf-8")
    found = json.loads(text)
    return found["symbols"], found["redrawn"]


@dataclass(frozen=True, eq=False)
class Recognition:
    """What is drawn so far, and what the learner makes of it."""

    support: list[Tensor | None]  # five pictures (1, 28, 28); None where nothing is drawn
    query: Tensor | None
    probabilities: Tensor | None  # (5,), once everything is drawn

    @property
    def missing(self) -> list[int]:
        """The symbols, counted from 1, that are not drawn yet."""
        return [number for number, drawn in enumerate(self.support, 1) if drawn is None]

    @property
    def summary(self) -> str:
        """The picture in one sentence, or what is still to be drawn."""
        if self.missing:
            which = " and ".join(filter(None, (", ".join(map(str, self.missing[:-1])), str(self.missing[-1]))))
            also = "" if self.query is not None else ", then one of the five again in the last pad"
            return f"Still to draw: symbol{'s' * (len(self.missing) > 1)} {which}{also}."
        if self.query is None or self.probabilities is None:
            return "Now draw one of the five symbols again, in the last pad."
        (first, second), (best, next_best) = (part.tolist() for part in self.probabilities.topk(2))
        return (
            f"Your drawing looks most like symbol {best + 1} ({percent(first)}), "
            f"then like symbol {next_best + 1} ({percent(second)})."
        )


def percent(share: float) -> str:
    """A share of 1 in whole per cent; no certainty where there is none."""
    if share > 0.995:
        return "over 99 %"
    return f"{100 * share:.0f} %" if share >= 0.005 else "under 1 %"


class DrawingExplorer:
    """Five drawings teach a pretrained learner five symbols; it then says which of them a sixth one is."""

    def __init__(self, learner: Learner, norm: str = "support"):
        if learner.n_way != N_WAY:
            raise ValueError(
                f"this learner tells {learner.n_way} classes apart, and there are {N_WAY} symbols: load a 5-way "
                'learner, such as learners.load_pretrained("omniglot-maml-5w1s")'
            )
        self.learner, self.norm = learner, norm

    def recognise(self, support: list[Strokes], query: Strokes) -> Recognition:
        """Adapt to five drawings and predict the sixth; an empty drawing is one that is still missing."""
        if len(support) != N_WAY:
            raise ValueError(f"{len(support)} drawings to learn from; give {N_WAY}, empty ones for what is missing")
        pictures = [picture(strokes) if strokes else None for strokes in support]
        drawn = [each for each in pictures if each is not None]
        asked = picture(query) if query else None
        ready = asked is not None and len(drawn) == N_WAY
        return Recognition(pictures, asked, self.probabilities(torch.stack(drawn), asked) if ready else None)

    def probabilities(self, support: Tensor, query: Tensor) -> Tensor:
        """(5,) from one picture of each symbol (5, 1, 28, 28) and the asked one (1, 28, 28)."""
        predict = self.learner.adapt(LabelledSet(support, torch.arange(N_WAY)), norm=self.norm)
        return predict(query.unsqueeze(0)).softmax(-1)[0]
