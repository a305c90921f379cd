"""What the widgets show, computed without a widget in sight: one file a widget."""

from metalearn_course.explore.adaptation import Adaptation, AdaptationExplorer
from metalearn_course.explore.attention import Attention, AttentionExplorer
from metalearn_course.explore.drawing import DrawingExplorer, Recognition
from metalearn_course.explore.episodes import EpisodeExplorer
from metalearn_course.explore.generated import Generated, GeneratedExplorer
from metalearn_course.explore.landscape import LandscapeExplorer
from metalearn_course.explore.paths import PathExplorer
from metalearn_course.explore.posterior import PosteriorExplorer, Predictive
from metalearn_course.explore.prototypes import PrototypeExplorer, PrototypePlane
from metalearn_course.explore.sine import SineExplorer, SineFit

__all__ = [
    "Adaptation",
    "AdaptationExplorer",
    "Attention",
    "AttentionExplorer",
    "DrawingExplorer",
    "EpisodeExplorer",
    "Generated",
    "GeneratedExplorer",
    "LandscapeExplorer",
    "PathExplorer",
    "PosteriorExplorer",
    "Predictive",
    "PrototypeExplorer",
    "PrototypePlane",
    "Recognition",
    "SineExplorer",
    "SineFit",
]
