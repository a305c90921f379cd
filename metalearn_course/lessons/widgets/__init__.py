"""What readers move: views of the models in `explore`, one file each. Only this package imports ipywidgets."""

from metalearn_course.lessons.widgets.adaptation import AdaptationView
from metalearn_course.lessons.widgets.attention import AttentionView
from metalearn_course.lessons.widgets.base import View, choice, slider
from metalearn_course.lessons.widgets.drawpad import DrawingTask, DrawPad
from metalearn_course.lessons.widgets.episodes import EpisodeView
from metalearn_course.lessons.widgets.generated import GeneratedView
from metalearn_course.lessons.widgets.landscape import LandscapeView
from metalearn_course.lessons.widgets.own_classes import OwnClassesView
from metalearn_course.lessons.widgets.paths import PathView
from metalearn_course.lessons.widgets.posterior import PosteriorView
from metalearn_course.lessons.widgets.prototypes import PrototypeView
from metalearn_course.lessons.widgets.reading import ReadingView
from metalearn_course.lessons.widgets.sine import SineView
from metalearn_course.lessons.widgets.zero_shot import ZeroShotView

__all__ = [
    "AdaptationView",
    "AttentionView",
    "DrawPad",
    "DrawingTask",
    "EpisodeView",
    "GeneratedView",
    "LandscapeView",
    "OwnClassesView",
    "PathView",
    "PosteriorView",
    "PrototypeView",
    "ReadingView",
    "SineView",
    "View",
    "ZeroShotView",
    "choice",
    "slider",
]
