"""What readers move: views of the models in `explore`, one file each. Only this package imports ipywidgets."""

from metalearn_course.widgets.adaptation import AdaptationView
from metalearn_course.widgets.attention import AttentionView
from metalearn_course.widgets.base import View, choice, slider
from metalearn_course.widgets.drawpad import DrawingTask, DrawPad
from metalearn_course.widgets.episodes import EpisodeView
from metalearn_course.widgets.generated import GeneratedView
from metalearn_course.widgets.landscape import LandscapeView
from metalearn_course.widgets.paths import PathView
from metalearn_course.widgets.posterior import PosteriorView
from metalearn_course.widgets.prototypes import PrototypeView
from metalearn_course.widgets.sine import SineView

__all__ = [
    "AdaptationView",
    "AttentionView",
    "DrawPad",
    "DrawingTask",
    "EpisodeView",
    "GeneratedView",
    "LandscapeView",
    "PathView",
    "PosteriorView",
    "PrototypeView",
    "SineView",
    "View",
    "choice",
    "slider",
]
