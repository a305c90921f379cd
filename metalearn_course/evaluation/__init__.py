"""Accuracy on frozen episodes, paired comparison, calibration, and what further pictures are worth."""

from metalearn_course.evaluation.accuracy import Predicted, Score, evaluate, predicted, refuse_training_classes
from metalearn_course.evaluation.comparison import Gain, paired

__all__ = ["Gain", "Predicted", "Score", "evaluate", "paired", "predicted", "refuse_training_classes"]
