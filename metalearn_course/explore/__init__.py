"""What the widgets show, computed without a widget in sight: one file a widget."""

from metalearn_course.explore.adaptation import Adaptation, AdaptationExplorer

__all__ = ["Adaptation", "AdaptationExplorer"]
