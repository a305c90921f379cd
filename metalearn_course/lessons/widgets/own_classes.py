"""The widget of lesson 11: draw, name, teach; draw again and be answered."""

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers import drawing
from metalearn_course.lessons.explorers.own_classes import OwnClassesExplorer, Taught
from metalearn_course.lessons.widgets.base import View
from metalearn_course.lessons.widgets.drawpad import DrawPad

BLANK = np.zeros((28, 28))


class OwnClassesView(View):
    """One pad, a name, and the buttons Teach and Forget; the first drawing of each class with its probability."""

    SHOWN = 8

    def __init__(self, model: OwnClassesExplorer):
        self.model, self.pad = model, DrawPad(name="drawing", show_help=False)
        self.teach, self.forget, self.example = (
            ipywidgets.Button(description=word) for word in ("Teach", "Forget", "Prepared example")
        )
        super().__init__((9.0, 2.1), name=ipywidgets.Text("", description="name", continuous_update=False))
        self.pad.observe(self._changed, "strokes")
        self.teach.on_click(lambda button: self._do(lambda: self.model.teach(self.name.value, self.pad.strokes)))
        self.forget.on_click(lambda button: self._do(lambda: self.model.forget(self.name.value)))
        self.example.on_click(lambda button: self.use_example())
        buttons = ipywidgets.HBox([self.teach, self.forget, self.example])
        self.children = [self.pad, self.name, buttons, self.picture, self.summary]

    def use_example(self, n_classes: int = 3, asked: int = 2) -> None:
        """Teach the first recorded symbols, one drawing each, and put another drawing of symbol `asked` on the pad."""
        symbols, redrawn = drawing.recorded()
        self.model.pictures.clear()
        for number, strokes in enumerate(symbols[:n_classes], 1):
            self.model.teach(f"symbol {number}", strokes)
        self.pad.strokes = redrawn[asked - 1]
        self._changed()

    def _do(self, change) -> None:
        """Change the model and clear the pad; a mistake is shown where the summary stands."""
        self._mistake = None
        try:
            change()
            self.pad.strokes = []
        except ValueError as error:
            self._mistake = error
        self._changed()

    def prepare(self, figure: Figure) -> None:
        self._mistake = None
        self.panels = []
        for ax in figure.subplots(1, self.SHOWN + 1):
            image = ax.imshow(BLANK, vmin=0, vmax=1, interpolation="nearest")
            ax.set(xticks=[], yticks=[], title="symbol 1")
            ax.set_xlabel("over 99 %")
            ax.grid(False)
            ax.spines[:].set(visible=True, color="#999999", linewidth=2)
            self.panels.append((ax, image))

    def draw(self) -> str:
        if self._mistake is not None:
            mistake, self._mistake = self._mistake, None
            raise mistake
        shown = self.model.look(self.pad.strokes)
        self._panel(0, shown.drawing, "the pad", "" if shown.answer is None else shown.answer.name or "none of these")
        names = list(shown.pictures)[-self.SHOWN :]
        for place in range(1, self.SHOWN + 1):
            self._class(place, names[place - 1] if place <= len(names) else None, shown)
        return shown.summary

    def _class(self, place: int, name: str | None, shown: Taught) -> None:
        share = "" if name is None or shown.answer is None else drawing.percent(shown.answer.probabilities[name])
        self._panel(place, None if name is None else shown.pictures[name][0], name or "", share)
        best = shown.answer is not None and shown.answer.name == name is not None
        self.panels[place][0].spines[:].set(color=plots.RIGHT if best else "#999999", visible=name is not None)

    def _panel(self, place: int, picture, title: str, below: str) -> None:
        ax, image = self.panels[place]
        image.set_data(BLANK if picture is None else picture[0].numpy())
        ax.set_title(title)
        ax.set_xlabel(below)
