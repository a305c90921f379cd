"""The widget of lesson 01: a task of any size, and the baselines' scores on it."""

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers.episodes import BASELINES, EpisodeExplorer, Look
from metalearn_course.lessons.widgets.base import View, slider


class EpisodeView(View):
    """Ways, shots, queries and task; support and query pictures, and how three baselines do on them."""

    GAP = 12  # pixels between pictures, with room for the answers

    def __init__(self, model: EpisodeExplorer, ways: int = 5, shots: int = 1, queries: int = 3):
        self.model, self.shown_task, most = model, 0, model.sampler
        super().__init__(
            (10.5, 3.9),
            ways=slider("ways", ways, 2, most.n_way),
            shots=slider("shots", shots, 1, most.k_shot),
            queries=slider("queries", queries, 1, most.n_query),
            another=slider("another task", 0, 0, 20),
        )

    def prepare(self, figure: Figure) -> None:
        most = self.model.sampler
        self.side = self.model.pictures.shape[-1] + self.GAP
        columns = (most.k_shot, most.n_query)
        self.panels = figure.subplots(1, 3, width_ratios=[*columns, 5.5])
        self.images = [self._sheet(ax, most.n_way, n) for ax, n in zip(self.panels, columns)]
        self.panels[0].set_title("support")
        spots = [(c * self.side + 1, r * self.side) for r in range(most.n_way) for c in range(most.n_query)]
        self.answers = [self.panels[1].text(x, y, "", fontsize=9, weight="bold", va="top") for x, y in spots]
        rows = [(r + 0.5) * self.side for r in range(most.n_way)]
        self.labels = [self.panels[0].text(-4, y, "", ha="right", va="center", weight="bold") for y in rows]
        self._prepare_scores(self.panels[2])

    def _sheet(self, ax, rows: int, columns: int):
        ax.set_axis_off()
        ax.set_anchor("N")
        return ax.imshow(np.zeros((rows * self.side, columns * self.side)), vmin=0, vmax=1)

    def _prepare_scores(self, ax) -> None:
        rows, zeros = range(len(BASELINES)), [0] * len(BASELINES)
        self.bars = ax.barh(
            rows, zeros, height=0.5, color=plots.COLOURS[4], label=f"mean of {self.model.n_episodes} tasks"
        )
        self.intervals = [ax.plot([0, 0], [r, r], color="black", linewidth=2)[0] for r in rows]
        self.intervals[0].set_label("its 95 % interval")
        (self.here,) = ax.plot(zeros, rows, "D", color=plots.COLOURS[1], clip_on=False, label="this task")
        self.guessing = ax.axvline(0, color="black", linestyle=":", label="guessing")
        names = [name.replace(" ", "\n") for name in BASELINES]
        ax.set(yticks=rows, yticklabels=names, xlim=(0, 100), ylim=(3.6, -0.5), xlabel="query accuracy (%)")
        ax.legend(loc="lower center", ncols=2, fontsize=8, frameon=True, edgecolor="white", framealpha=1)

    def draw(self) -> str:
        if self.another.value != self.shown_task:
            self.model.draw(self.another.value)
            self.shown_task = self.another.value
        shown = self.model.look(self.ways.value, self.shots.value, self.queries.value)
        self._show(0, shown.support.x, shown.n_way)
        self._show(1, shown.query.x, shown.n_way)
        for label, text in enumerate(self.labels):
            text.set_text(str(label) if label < shown.n_way else "")
        self._show_answers(shown)
        self._show_scores(shown)
        return shown.summary

    def _show(self, panel: int, x: Tensor, n_way: int) -> None:
        """The pictures in use, on a sheet with room for the largest task."""
        most = self.model.sampler
        columns = (most.k_shot, most.n_query)[panel]
        sheet = x.new_zeros(most.n_way, columns, *x.shape[1:])
        sheet[:n_way, : len(x) // n_way] = x.view(n_way, -1, *x.shape[1:])
        self.images[panel].set_data(plots.mosaic(sheet.flatten(0, 1), columns, self.GAP))

    def _show_answers(self, shown: Look) -> None:
        """Those of the nearest picture."""
        guesses, columns = shown.baselines[0].guesses.view(shown.n_way, -1), self.model.sampler.n_query
        for position, text in enumerate(self.answers):
            row, column = divmod(position, columns)
            if row >= guesses.shape[0] or column >= guesses.shape[1]:
                text.set_text("")
                continue
            guess = int(guesses[row, column])
            ok = guess == row
            text.set(text=f"{guess}" if ok else f"{guess} ✗", color=plots.RIGHT if ok else plots.WRONG)
        self.panels[1].set_title("query, with the nearest picture's answers")

    def _show_scores(self, shown: Look) -> None:
        for bar, line, baseline in zip(self.bars, self.intervals, shown.baselines):
            mean, half = 100 * baseline.mean, 100 * baseline.ci95
            bar.set_width(mean)
            line.set_xdata([mean - half, mean + half])
        self.here.set_xdata([100 * baseline.accuracy for baseline in shown.baselines])
        self.guessing.set_xdata([100 / shown.n_way] * 2)
