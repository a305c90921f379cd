"""Two learners on the same episodes."""

from typing import NamedTuple

from metalearn_course.evaluation.accuracy import Score
from metalearn_course.evaluation.intervals import ci95


class Gain(NamedTuple):
    """How much more accurate a is than b, in 0..1."""

    gain: float  # mean over episodes of the difference
    ci95: float  # half the width of its 95 % confidence interval

    def __repr__(self) -> str:
        return f"{100 * self.gain:+.2f} ± {100 * self.ci95:.2f} percentage points"


def paired(a: Score, b: Score) -> Gain:
    """The gain of a over b, episode by episode; ValueError where they were not scored on the same episodes.

    Hard episodes are hard for both, so the difference varies less than either accuracy: its interval is
    the narrower one, and two intervals that overlap may still hide a certain gain.

    >>> a = Score(torch.tensor([0.8, 0.6, 0.9]), norm="support", episodes_hash="the same")
    >>> b = Score(torch.tensor([0.7, 0.5, 0.8]), norm="support", episodes_hash="the same")
    >>> paired(a, b)
    +10.00 ± 0.00 percentage points
    """
    if a.episodes_hash != b.episodes_hash:
        raise ValueError("the two scores are of different episodes; evaluate both with one sampler, seed and number")
    difference = a.per_episode - b.per_episode  # (E,)
    return Gain(difference.mean().item(), ci95(difference))
