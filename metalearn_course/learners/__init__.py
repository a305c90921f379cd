"""The learners. Each is one short file; `base.py` has what they share."""

from metalearn_course.learners.base import Learner, Predictor, map_tasks
from metalearn_course.learners.maml import MAML
from metalearn_course.learners.pretrained import load_learner, load_pretrained

__all__ = ["MAML", "Learner", "Predictor", "load_learner", "load_pretrained", "map_tasks"]
