"""What the widgets show, computed without a widget in sight: one file a widget."""

from metalearn_course.explore.adaptation import Adaptation, AdaptationExplorer
from metalearn_course.explore.drawing import DrawingExplorer, Recognition
from metalearn_course.explore.episodes import EpisodeExplorer
from metalearn_course.explore.landscape import LandscapeExplorer
from metalearn_course.explore.sine import SineExplorer, SineFit

__all__ = [
    "Adaptation",
    "AdaptationExplorer",
    "DrawingExplorer",
    "EpisodeExplorer",
    "LandscapeExplorer",
    "Recognition",
    "SineExplorer",
    "SineFit",
]
