"""The widget of lesson 16: choose the support set and its labels, and see attention and answer move."""

import itertools

import numpy as np
from matplotlib.figure import Figure

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers.reading import Reading, ReadingExplorer
from metalearn_course.lessons.widgets.base import View, choice, slider


class ReadingView(View):
    """Query, support pictures, labels and task of a transformer in context.

    Left the query; in the middle the support pictures under their labels, with a bar for each head; right the
    probabilities of the labels.
    """

    COLOURS = plots.COLOURS[2:6]  # of the heads

    def __init__(self, model: ReadingExplorer, query: int = 0):
        self.model, self.shown_task, n_way = model, 0, model.sampler.n_way
        own = tuple(range(n_way))
        self.namings = {"as they are": own, "two swapped": (1, 0, *own[2:]), "moved on": (*own[1:], 0)}
        self.namings["one name for two"] = (0, 0, *own[2:])
        super().__init__(
            (10.5, 3.4),
            query=slider("query", query, 0, model.n_queries - 1),
            labels=choice("labels", [*self.namings], "as they are"),
            shown=slider("support", 0, 0, model.sampler.k_shot - 1),
            task=slider("task", 0, 0, 20),
        )

    def prepare(self, figure: Figure) -> None:
        n_way = self.model.sampler.n_way
        grid = figure.add_gridspec(2, n_way + 2, width_ratios=[1.5] + [1] * n_way + [2.2], height_ratios=[1.2, 1])
        pictures = [figure.add_subplot(grid[0, i]) for i in range(n_way + 1)]
        self.images = [ax.imshow(np.zeros((2, 2)), vmin=0, vmax=1, extent=(0, 1, 0, 1)) for ax in pictures]
        self.names = [ax.set_title("", fontsize=11) for ax in pictures]
        for ax in pictures:
            ax.set_axis_off()
        self.bars = [self._head_bars(figure.add_subplot(grid[1, i + 1]), first=i == 0) for i in range(n_way)]
        ax = figure.add_subplot(grid[:, -1])
        self.shares = ax.barh(range(n_way), [0] * n_way)
        ax.set(yticks=range(n_way), ylabel="label", xlim=(0, 1), xlabel="probability", ylim=(n_way - 0.5, -0.5))
        ax.grid(axis="y", visible=False)
        self.verdict = ax.set_title("", fontsize=10)

    def _head_bars(self, ax, first: bool):
        n_heads = self.model.learner.layers[-1].heads
        colours = [*itertools.islice(itertools.cycle(self.COLOURS), n_heads)]
        bars = ax.bar(range(n_heads), [0] * n_heads, color=colours)
        ax.set(ylim=(0, 1), xticks=range(n_heads), yticks=[0, 0.5, 1], xlabel="head")
        if first:
            ax.set_ylabel("attention")
        else:
            ax.set_yticklabels([])
        return bars

    def draw(self) -> str:
        if self.task.value != self.shown_task:
            self.model.draw(self.task.value)
            self.shown_task = self.task.value
        found = self.model.look(self.query.value, self.namings[self.labels.value], self.shown.value)
        self._show_pictures(found)
        for column, bars in zip(found.heads.T.tolist(), self.bars):
            for bar, height in zip(bars, column):
                bar.set_height(height)
        right = found.answer == found.wanted
        for label, (bar, share) in enumerate(zip(self.shares, found.shares.tolist())):
            bar.set(width=share, color=plots.RIGHT if label == found.wanted else plots.COLOURS[5])
        text = f"answer {found.answer} {'✓' if right else '✗'}, the context says {found.wanted}"
        self.verdict.set(text=text, color=plots.RIGHT if right else plots.WRONG)
        return found.summary

    def _show_pictures(self, found: Reading) -> None:
        names = ["query: ?", *(f"{label}" for label in found.support.y.tolist())]
        pictures = [found.picture, *found.support.x]
        for place, (image, title, name, picture) in enumerate(zip(self.images, self.names, names, pictures)):
            image.set_data(plots.mosaic(picture.unsqueeze(0), 1, 0))
            same = place == found.row + 1
            title.set(text=name, color=plots.RIGHT if same else "black", weight="bold" if same else "normal")
