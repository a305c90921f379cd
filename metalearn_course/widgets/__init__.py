"""What readers move: views of the models in `explore`, one file each. Only this package imports ipywidgets."""

from metalearn_course.widgets.adaptation import AdaptationView
from metalearn_course.widgets.base import View, choice, slider

__all__ = ["AdaptationView", "View", "choice", "slider"]
