"""What the widgets show, computed without a widget in sight: one file a widget."""

from metalearn_course.lessons.explorers.adaptation import Adaptation, AdaptationExplorer
from metalearn_course.lessons.explorers.attention import Attention, AttentionExplorer
from metalearn_course.lessons.explorers.drawing import DrawingExplorer, Recognition
from metalearn_course.lessons.explorers.episodes import EpisodeExplorer
from metalearn_course.lessons.explorers.generated import Generated, GeneratedExplorer
from metalearn_course.lessons.explorers.landscape import LandscapeExplorer
from metalearn_course.lessons.explorers.own_classes import OwnClassesExplorer, Taught
from metalearn_course.lessons.explorers.paths import PathExplorer
from metalearn_course.lessons.explorers.posterior import PosteriorExplorer, Predictive
from metalearn_course.lessons.explorers.prototypes import PrototypeExplorer, PrototypePlane
from metalearn_course.lessons.explorers.reading import Reading, ReadingExplorer
from metalearn_course.lessons.explorers.sine import SineExplorer, SineFit
from metalearn_course.lessons.explorers.zero_shot import Nearest, ZeroShotExplorer

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
    "Nearest",
    "OwnClassesExplorer",
    "PathExplorer",
    "PosteriorExplorer",
    "Predictive",
    "PrototypeExplorer",
    "PrototypePlane",
    "Recognition",
    "Reading",
    "ReadingExplorer",
    "SineExplorer",
    "SineFit",
    "Taught",
    "ZeroShotExplorer",
]
