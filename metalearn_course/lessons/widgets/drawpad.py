"""A pad to draw on, and the widget of lesson 00: draw five symbols, then one of them again."""

from itertools import cycle
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import traitlets
from matplotlib.figure import Figure

from metalearn_course.learners.base import Learner
from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers import drawing
from metalearn_course.lessons.explorers.drawing import DrawingExplorer, Recognition, Strokes, percent
from metalearn_course.lessons.widgets.base import View

HERE = Path(__file__).parent
BLANK = np.zeros((28, 28))
HELP = (
    "Draw five symbols of your own, then one of them again. Pen, mouse or finger; or keys: Tab to a pad, "
    "arrows move (with Shift finely), Space puts the pen down and lifts it."
)


class DrawPad(anywidget.AnyWidget):
    """A square to draw on with a pen, the mouse, a finger or the keyboard.

    strokes: a list of strokes, each a list of [x, y] in a box of 109 x 109 units, y downwards. It
    changes when a stroke ends; set it and the pad shows it. ValueError where it is no drawing.
    """

    _esm = HERE / "drawpad.js"
    _css = HERE / "drawpad.css"
    strokes = traitlets.List().tag(sync=True)
    name = traitlets.Unicode("drawing").tag(sync=True)
    show_help = traitlets.Bool(True).tag(sync=True)

    @traitlets.validate("strokes")
    def _checked(self, proposal) -> Strokes:
        return drawing.check(proposal["value"])

    def undo(self) -> None:
        """Take the last stroke away, if there is one."""
        self.strokes = self.strokes[:-1]

    def clear(self) -> None:
        """Take all strokes away."""
        self.strokes = []


class DrawingTask(View):
    """Five pads to learn from and one to recognise; the pictures that the learner sees, its probabilities."""

    def __init__(self, learner: Learner):
        self.model = DrawingExplorer(learner)
        self.support = [DrawPad(name=f"symbol {i}", show_help=False) for i in range(1, drawing.N_WAY + 1)]
        self.query = DrawPad(name="which one?", show_help=False)
        self.pads = [*self.support, self.query]
        self.recorded = ipywidgets.Button(
            description="Use the prepared drawings",
            tooltip="Fills all six pads; press again for another symbol drawn again",
            layout=ipywidgets.Layout(width="220px"),
        )
        self._turns = cycle((3, 1, 5, 2, 4))
        super().__init__((10.0, 2.1))
        for pad in self.pads:
            pad.observe(self._changed, "strokes")
        self.recorded.on_click(lambda button: self.use_recorded(next(self._turns)))
        row = ipywidgets.HBox(self.pads, layout=ipywidgets.Layout(flex_flow="row wrap"))
        self.children = [row, self.recorded, ipywidgets.HTML(f"<p>{HELP}</p>"), self.picture, self.summary]

    def use_recorded(self, symbol: int = 3) -> None:
        """Fill the pads with the recorded symbols 1 to 5 and, as the last, another drawing of `symbol`."""
        symbols, redrawn = drawing.recorded()
        for pad, strokes in zip(self.pads, [*symbols, redrawn[symbol - 1]]):
            pad.unobserve(self._changed, "strokes")
            pad.strokes = strokes
            pad.observe(self._changed, "strokes")
        self._changed()

    def prepare(self, figure: Figure) -> None:
        *panels, self.bars_panel = figure.subplots(1, drawing.N_WAY + 2, width_ratios=[1] * 6 + [3])
        titles = [f"{i}" for i in range(1, drawing.N_WAY + 1)] + ["which one?"]
        self.images = [ax.imshow(BLANK, vmin=0, vmax=1, interpolation="nearest") for ax in panels]
        for ax, title in zip(panels, titles):
            ax.set(title=title, xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set(visible=True, color="#999999")
        ax, labels = self.bars_panel, titles[:-1]
        self.bars = ax.barh(labels, [0] * drawing.N_WAY)
        self.shares = [ax.text(0, label, "", va="center") for label in labels]
        ax.set(xlim=(0, 145), xticks=[0, 50, 100], xlabel="probability (%)", ylabel="symbol")
        ax.invert_yaxis()

    def draw(self) -> str:
        shown = self.model.recognise([pad.strokes for pad in self.support], self.query.strokes)
        for image, picture in zip(self.images, [*shown.support, shown.query]):
            image.set_data(BLANK if picture is None else picture[0].numpy())
        self._show_probabilities(shown)
        return shown.summary

    def _show_probabilities(self, shown: Recognition) -> None:
        unknown = shown.probabilities is None
        shares = [0.0] * drawing.N_WAY if unknown else shown.probabilities.tolist()
        for bar, text, share in zip(self.bars, self.shares, shares):
            bar.set(width=100 * share, color=plots.COLOURS[0] if share == max(shares) else plots.COLOURS[4])
            text.set(x=100 * share + 2, text="" if unknown else percent(share))
