"""Classes taught by drawing, one after another, to a classifier that is never trained (lesson 11)."""

from typing import NamedTuple

from torch import Tensor

from metalearn_course.applications.own_pictures import Answer, OwnClassifier
from metalearn_course.learners.base import Learner
from metalearn_course.lessons.explorers.drawing import Strokes, percent, picture


class Taught(NamedTuple):
    """What has been taught so far, and what is made of the drawing on the pad."""

    pictures: dict[str, Tensor]  # name -> (K, 1, 28, 28)
    drawing: Tensor | None  # (1, 28, 28); None where the pad is empty
    answer: Answer | None  # None where there is no drawing, or fewer than two classes

    @property
    def summary(self) -> str:
        """The state in one sentence."""
        if len(self.pictures) < 2:
            return f"{len(self.pictures)} of at least two classes taught: draw, name the drawing, press Teach."
        known = ", ".join(f"{name} ({len(x)})" for name, x in self.pictures.items())
        if self.answer is None:
            return f"Known: {known}. Draw something to be named."
        said = self.answer.name or "none of these"
        best = next(iter(self.answer.probabilities))
        return f"Known: {known}. The drawing: {said}; most probable is {best}, {percent(self.answer.probability)}."


class OwnClassesExplorer:
    """Teaches classes by drawings; `threshold`, if any, is of `applications.rejection.familiarity`."""

    def __init__(self, learner: Learner, threshold: float | None = None):
        self.learner, self.threshold = learner, threshold
        self.pictures: dict[str, list[Tensor]] = {}

    def teach(self, name: str, strokes: Strokes) -> None:
        """A further drawing of the class; ValueError where it has no name or is empty."""
        if not name.strip():
            raise ValueError("give the class a name first")
        self.pictures.setdefault(name.strip(), []).append(picture(strokes))

    def forget(self, name: str) -> None:
        """Nothing is left of the class; ValueError where there is none of that name."""
        if self.pictures.pop(name.strip(), None) is None:
            raise ValueError(f"there is no class {name!r} to forget")

    def look(self, strokes: Strokes) -> Taught:
        """What the classes taught so far make of a drawing."""
        drawing = picture(strokes) if strokes else None
        answer = None
        if drawing is not None and len(self.pictures) >= 2:
            classifier = OwnClassifier(self.learner, self.pictures)
            classifier.threshold = self.threshold
            answer = classifier.predict(drawing)[0]
        return Taught(self._stacked(), drawing, answer)

    def _stacked(self) -> dict[str, Tensor]:
        return {name: self.learner.pictures(drawings).cpu() for name, drawings in self.pictures.items()}
