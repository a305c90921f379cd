"""The learners. Each is one short file; `base.py` has what they share, `registry.py` has them all.

`load_learner` and `load_pretrained` are found here too, where readers look for them; they belong to the
ledger, which is imported when one of them is asked for.
"""

from metalearn_course.learners.base import Learner, Predictor, map_tasks
from metalearn_course.learners.pictures import as_pictures
from metalearn_course.learners.registry import *  # noqa: F403 - every learner that is entered there
from metalearn_course.learners.registry import LEARNERS, build, describe

__all__ = ["LEARNERS", "Learner", "Predictor", "as_pictures", "build", "describe", "map_tasks", *LEARNERS]
__all__ += ["load_learner", "load_pretrained"]  # noqa: F405 - by __getattr__


def __getattr__(name: str):
    if name in ("load_learner", "load_pretrained"):
        from metalearn_course import ledger

        return getattr(ledger, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
