"""Widgets: a pure model in, named controls and one reused figure out.

Only the part of ipywidgets that versions 7.7 and 8 share. A view keeps its controls as attributes
(`view.steps.value = 3` works in a test as a slider does in the browser).
"""

import html
import io
import traceback
from typing import TYPE_CHECKING, Any

import ipywidgets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from metalearn_course.lessons import plots


class View(ipywidgets.VBox):
    """Base of all widgets: draws again when a control changes, says in text what the picture shows.

    A subclass makes its artists in `prepare`, once, and changes them in `draw`, which returns the
    summary. An error inside is shown to the reader in place of the summary.
    """

    def __init__(self, size: tuple[float, float], **controls: ipywidgets.Widget):
        self.picture = ipywidgets.Image(format="png")
        self.summary = ipywidgets.HTML()
        for name, control in controls.items():
            setattr(self, name, control)
            control.observe(self._changed, "value")
        with plots.style():
            self.figure = Figure(figsize=size, dpi=80)
            self.canvas = FigureCanvasAgg(self.figure)
            self.prepare(self.figure)
            self.canvas.draw()
            self.figure.set_layout_engine("none")  # laying out again would take longer than drawing
        super().__init__([ipywidgets.HBox(list(controls.values())), self.picture, self.summary])
        self._changed()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A control: no class names them."""

    def prepare(self, figure: Figure) -> None:
        """Make the figure's axes and artists."""
        raise NotImplementedError

    def draw(self) -> str:
        """Bring the artists up to date and return the summary."""
        raise NotImplementedError

    def _changed(self, change=None) -> None:
        try:
            with plots.style():
                text = self.draw()
                buffer = io.BytesIO()
                self.canvas.print_png(buffer)
            self.picture.value = buffer.getvalue()
            self.summary.value = f'<p role="status">{html.escape(text)}</p>'
        except Exception as error:  # a callback's exception would otherwise vanish
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{last.name}, line {last.lineno}"
            text = f"{type(error).__name__}: {error} (in {where})"
            self.summary.value = f'<p role="alert"><b>This did not work.</b> {html.escape(text)}</p>'


def slider(label: str, value: int, lowest: int, highest: int) -> ipywidgets.IntSlider:
    """A whole number, sent when the handle is let go."""
    layout, style = ipywidgets.Layout(width="230px"), {"description_width": "70px"}
    return ipywidgets.IntSlider(
        value, lowest, highest, description=label, continuous_update=False, layout=layout, style=style
    )


def choice(label: str, options: list, value) -> ipywidgets.SelectionSlider:
    """One of a few values, sent when the handle is let go."""
    layout, style = ipywidgets.Layout(width="230px"), {"description_width": "70px"}
    return ipywidgets.SelectionSlider(
        options=options, value=value, description=label, continuous_update=False, layout=layout, style=style
    )
