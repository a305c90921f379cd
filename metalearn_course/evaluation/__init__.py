"""Accuracy on frozen episodes, paired comparison, calibration, and what further pictures are worth."""

from metalearn_course.evaluation.accuracy import Predicted, Score, evaluate, predicted
from metalearn_course.evaluation.comparison import Gain, paired
from metalearn_course.evaluation.leakage import refuse_training_classes

__all__ = ["Gain", "Predicted", "Score", "evaluate", "paired", "predicted", "refuse_training_classes"]
