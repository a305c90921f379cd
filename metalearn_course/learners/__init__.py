"""The learners. Each is one short file; `base.py` has what they share."""

from metalearn_course.learners.abml import ABML
from metalearn_course.learners.anil import ANIL
from metalearn_course.learners.base import Learner, Predictor, map_tasks
from metalearn_course.learners.baseline import Pretrained
from metalearn_course.learners.maml import MAML
from metalearn_course.learners.matching import MatchingNet
from metalearn_course.learners.pretrained import load_learner, load_pretrained
from metalearn_course.learners.protonet import ProtoNet
from metalearn_course.learners.reptile import Reptile
from metalearn_course.learners.vilm import VILM

__all__ = ["ABML", "ANIL", "MAML", "VILM", "Learner", "MatchingNet", "Predictor", "Pretrained", "ProtoNet", "Reptile"]
__all__ += ["load_learner", "load_pretrained", "map_tasks"]
