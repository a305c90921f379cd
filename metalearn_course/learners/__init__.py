"""The learners. Each is one short file; `base.py` has what they share, `registry.py` has them all.

`load_learner` and `load_pretrained` are found here too, where readers look for them; they belong to the
ledger, which is imported when one of them is asked for.
"""

from metalearn_course.learners.base import Learner, Predictor, map_tasks
<<<<<<< HEAD
from metalearn_course.learners.baseline import Pretrained
from metalearn_course.learners.incontext import InContext
from metalearn_course.learners.maml import MAML
from metalearn_course.learners.matching import MatchingNet
from metalearn_course.learners.protonet import ProtoNet
from metalearn_course.learners.registry import LEARNERS, build
from metalearn_course.learners.reptile import Reptile
from metalearn_course.learners.vilm import VILM

__all__ = ["ABML", "ANIL", "MAML", "VILM", "InContext", "Learner", "MatchingNet", "Predictor", "Pretrained", "ProtoNet"]
__all__ += ["Reptile", "LEARNERS", "build", "load_learner", "load_pretrained", "map_tasks"]
=======
from metalearn_course.learners.pictures import as_pictures
from metalearn_course.learners.registry import *  # noqa: F403 - every learner that is entered there
from metalearn_course.learners.registry import LEARNERS, build, describe

__all__ = ["LEARNERS", "Learner", "Predictor", "as_pictures", "build", "describe", "map_tasks", *LEARNERS]
__all__ += ["load_learner", "load_pretrained"]  # noqa: F405 - by __getattr__
>>>>>>> main


def __getattr__(name: str):
    if name in ("load_learner", "load_pretrained"):
        from metalearn_course import ledger

        return getattr(ledger, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
