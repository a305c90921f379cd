"""The widget of lesson 06: what a query attends to, and the label distribution that comes of it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers.attention import Attention, AttentionExplorer
from metalearn_course.lessons.widgets.base import View, choice, slider


class AttentionView(View):
    """Query, scale, shots and task of a matching network; a bar under every support picture and for every label.

    All in one coordinate system, a unit a pixel of the pictures, so that a label's bar stands in the row
    of its pictures: the query left of x = 0, the support sheet from 0, the labels right of it.
    """

    SCALES = ["learned", 0, 1, 2, 5, 10, 20, 50, 100]
    GAP = 12  # pixels between pictures, with room for the bars
    FULL = 130  # length of a label's bar at 100 %
    OTHER = plots.COLOURS[5]  # bars of labels that are not the right one

    def __init__(self, model: AttentionExplorer, query: int = 0, shots: int = 1):
        self.model, self.shown_task = model, 0
        super().__init__(
            (10.5, 0.62 * model.sampler.n_way + 0.5),
            query=slider("query", query, 0, model.n_queries - 1),
            scale=choice("scale", self.SCALES, "learned"),
            shots=slider("shots", shots, 1, model.sampler.k_shot),
            task=slider("task", 0, 0, 20),
        )

    def prepare(self, figure: Figure) -> None:
        sampler = self.model.sampler
        self.side = self.model.task.query.x.shape[-1] + self.GAP
        self.rows, self.columns = sampler.n_way, sampler.k_shot
        height, width = self.rows * self.side, self.columns * self.side
        ax = figure.subplots()
        self._prepare_pictures(ax, height, width)
        self.weights = [
            self._bar(ax, c * self.side + self.GAP / 2, (r + 1) * self.side - 4, self.side - self.GAP, 4)
            for r in range(self.rows)
            for c in range(self.columns)
        ]
        self.start = width + 20
        places = [(r + 0.5) * self.side for r in range(self.rows)]
        self.shares = [self._bar(ax, self.start, y - 7, self.FULL, 14)[1] for y in places]
        self.percents = [ax.text(0, y, "", va="center", fontsize=9) for y in places]
        self.verdict = ax.text(self.start, -6, "", va="bottom", fontsize=10)
        ax.set(xlim=(-self.left - 16, self.start + self.FULL + 110), ylim=(height + 4, -20), aspect="equal")
        ax.set_axis_off()

    def _prepare_pictures(self, ax: Axes, height: int, width: int) -> None:
        """The query, three times as large as a support picture if there is room, and the sheet of these."""
        side = min(3 * (self.side - self.GAP), height)
        self.left, top = side + 26, (height - side) / 2
        extents = (-self.left, -26, top + side, top), (0, width, height, 0)
        self.query_image, self.sheet = (
            ax.imshow(np.zeros((2, 2)), vmin=0, vmax=1, extent=extent) for extent in extents
        )
        self.query_name = ax.text(-self.left, top - 6, "query", va="bottom", fontsize=10)
        ax.text(self.GAP / 2, -6, "support, attention below each", va="bottom", fontsize=10)
        for label in range(self.rows):
            ax.text(-4, (label + 0.5) * self.side, str(label), ha="right", va="center", weight="bold")

    @staticmethod
    def _bar(ax: Axes, x: float, y: float, full: float, height: float) -> tuple[Rectangle, Rectangle]:
        """A grey bar of full length, and in front of it one of length 0."""
        whole, part = (Rectangle((x, y), width, height, linewidth=0) for width in (full, 0))
        for bar in (whole, part):
            ax.add_patch(bar)
        whole.set_facecolor("#E6E6E6")
        return whole, part

    def draw(self) -> str:
        if self.task.value != self.shown_task:
            self.model.draw(self.task.value)
            self.shown_task = self.task.value
        scale = None if self.scale.value == "learned" else self.scale.value
        shown = self.model.look(self.query.value, self.shots.value, scale)
        self._show_pictures(shown)
        self._show_weights(shown)
        self._show_shares(shown)
        return shown.summary

    def _show_pictures(self, shown: Attention) -> None:
        """The shots in use, on a sheet with room for all."""
        x = shown.support.x.view(self.rows, -1, *shown.picture.shape)
        sheet = x.new_zeros(self.rows, self.columns, *shown.picture.shape)
        sheet[:, : x.shape[1]] = x
        self.sheet.set_data(plots.mosaic(sheet.flatten(0, 1), self.columns, self.GAP))
        self.query_image.set_data(plots.mosaic(shown.picture.unsqueeze(0), 1, 0))
        self.query_name.set_text(f"query {self.query.value}")

    def _show_weights(self, shown: Attention) -> None:
        weights = shown.weights.view(self.rows, -1)
        for position, (whole, part) in enumerate(self.weights):
            row, column = divmod(position, self.columns)
            used = column < weights.shape[1]
            weight = weights[row, column].item() if used else 0.0
            whole.set_visible(used)
            part.set(width=weight * (self.side - self.GAP), facecolor=self._colour(row, shown))

    def _show_shares(self, shown: Attention) -> None:
        for label, (bar, text, share) in enumerate(zip(self.shares, self.percents, shown.shares.tolist())):
            bar.set(width=share * self.FULL, facecolor=self._colour(label, shown))
            mark = " ◀ right answer" if label == shown.label else ""
            text.set(text=f"{100 * share:.0f} %{mark}", x=self.start + self.FULL + 5)
        ok = shown.answer == shown.label
        text = f"label distribution: answer {shown.answer} {'✓' if ok else '✗'}, scale {shown.scale:.1f}"
        self.verdict.set(text=text, color=plots.RIGHT if ok else plots.WRONG)

    def _colour(self, label: int, shown: Attention) -> str:
        return plots.RIGHT if label == shown.label else self.OTHER
