"""A classifier of a reader's own classes: named classes, added and removed on the spot, "none of these".

Nothing here is trained. A learner of the ledger, or any other, is adapted to one to five pictures per class.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from metalearn_course.applications.rejection import familiarity
from metalearn_course.episode import LabelledSet
from metalearn_course.evaluation.accuracy import in_evaluation_mode
from metalearn_course.learners.base import Learner, Predictor
from metalearn_course.ledger.pretrained import load_pretrained

USUAL = {1: "omniglot-protonet-5w1s", 3: "emoji-protonet-5w1s"}  # the ledger's learners by the channels of pictures


class Answer(NamedTuple):
    """What a classifier says to one picture."""

    name: str | None  # of the class; None: none of these
    probability: float  # of the most probable class, among the known ones
    probabilities: dict[str, float]  # of every class, the most probable first


def usual_learner(channels: int) -> Learner:
    """The ledger's learner for pictures in grey (1) or in colour (3)."""
    if channels not in USUAL:
        raise ValueError(f"channels={channels}: pictures are grey, 1 channel, or coloured, 3")
    return load_pretrained(USUAL[channels])


class OwnClassifier:
    """A learner adapted to classes with names.

    learner: any learner of the course; `usual_learner(channels)` gives the ledger's.
    pictures: name -> pictures of the class, whatever `learner.adapt` takes: tensors, arrays, PIL images, lists.
    norm: "running" or "support", as `learner.adapt` has it; its own by default.
    ValueError where there are fewer than two classes, or where the pictures do not fit the learner.

    The pictures are kept, so that classes can be added and removed later. With a ProtoNet and norm="running" each
    class is a mean of its own pictures and nothing else, so a further class moves no other.
    """

    def __init__(self, learner: Learner, pictures: Mapping[str, Any], norm: str | None = None):
        self.learner, self.norm = learner, norm
        self.threshold: float | None = None  # of `familiarity`; what lies below is none of these
        self.promised: float | None = None  # the share of known pictures that the threshold may reject
        self.pictures = {str(name): learner.pictures(x) for name, x in pictures.items()}
        self.predict_logits = self._adapted(self.pictures)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes, in the order of the logits."""
        return tuple(self.pictures)

    @property
    def state(self) -> Any:
        """What the task left behind in the learner: for a ProtoNet one prototype per class."""
        return self.predict_logits.state

    def _adapted(self, pictures: dict[str, Tensor]) -> Predictor:
        if len(pictures) < 2:
            raise ValueError(f"{len(pictures)} class; there have to be at least two to tell apart")
        x = torch.cat(list(pictures.values()))
        y = torch.cat([torch.full((len(each),), label) for label, each in enumerate(pictures.values())])
        with in_evaluation_mode(self.learner):
            return self.learner.adapt(LabelledSet(x, y), self.norm)

    def add(self, name: str, pictures: Any) -> None:
        """Take a new class, or further pictures of a known one; a threshold stays as it is."""
        new = self.learner.pictures(pictures)
        known = self.pictures.get(name)
        changed = self.pictures | {name: new if known is None else torch.cat([known, new])}
        self.predict_logits, self.pictures = self._adapted(changed), changed

    def remove(self, name: str) -> None:
        """Forget a class; ValueError where there is no such class, or where fewer than two would be left."""
        if name not in self.pictures:
            raise ValueError(f"there is no class {name!r}; there are {', '.join(self.names)}")
        changed = {other: x for other, x in self.pictures.items() if other != name}
        self.predict_logits, self.pictures = self._adapted(changed), changed

    @torch.no_grad()
    def scores(self, x: Any) -> tuple[Tensor, Tensor]:
        """Probabilities (Q, N) of the pictures x, and how familiar each is (Q,), the larger the more."""
        with in_evaluation_mode(self.learner):
            x = self.learner.pictures(x)
            return self.predict_logits(x).softmax(-1), familiarity(self.predict_logits, x)

    def predict(self, x: Any) -> list[Answer]:
        """An answer to every picture of x; where there is a threshold, "none of these" may be among them."""
        probabilities, familiar = self.scores(x)
        return [self._answer(p, f) for p, f in zip(probabilities, familiar.tolist())]

    def _answer(self, probabilities: Tensor, familiar: float) -> Answer:
        order = probabilities.argsort(descending=True).tolist()
        named = {self.names[i]: probabilities[i].item() for i in order}
        best = next(iter(named))
        rejected = self.threshold is not None and familiar < self.threshold
        return Answer(None if rejected else best, named[best], named)

    def __repr__(self) -> str:
        alien = "" if self.promised is None else f", rejects {100 * self.promised:g} % of known pictures"
        return f"{type(self.learner).__name__} for {', '.join(self.names)}{alien}"
