"""Meta-training: the one loop for all learners, run folders that resume, and several processes."""

from metalearn_course.training.loop import CALIBRATION, PRECISIONS, describe, fit
from metalearn_course.training.run_folder import History

__all__ = ["CALIBRATION", "PRECISIONS", "History", "describe", "fit"]
