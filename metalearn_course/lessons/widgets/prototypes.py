"""The widget of lesson 07: three prototypes, their plane, and whose region every query lies in."""

import numpy as np
import torch
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers.prototypes import PrototypeExplorer, PrototypePlane, nearest
from metalearn_course.lessons.widgets.base import View, choice, slider


class PrototypeView(View):
    """Shots, task and learner; the decision regions, and the accuracy for every number of shots."""

    MARKS = ["o", "s", "^"]
    TINTS = ["#CCE3F0", "#F7DFCC", "#CCECE3"]  # the first three of plots.COLOURS, pale
    CELLS = 290  # of the grid that the regions are drawn on, a side

    def __init__(self, model: PrototypeExplorer, shots: int = 1, learner: str | None = None):
        self.model, self.shown_task = model, 0
        names = list(model.learners)
        super().__init__(
            (9.0, 4.1),
            shots=slider("shots", shots, 1, model.sampler.k_shot),
            task=slider("task", 0, 0, 20),
            learner=choice("learner", names, learner or names[-1]),
        )

    def prepare(self, figure: Figure) -> None:
        sheet, self.panel, curve = figure.subplots(1, 3, width_ratios=[0.9, 4.4, 3.4])
        self._prepare_sheet(sheet)
        self._prepare_plane(self.panel)
        self._prepare_curve(curve)

    def _prepare_sheet(self, ax) -> None:
        """One support picture a class, beside its mark."""
        side = self.model.episodes.support.x.shape[-1] + 12
        self.sheet = ax.imshow(np.zeros((3 * side, side)), vmin=0, vmax=1)
        for c in range(3):
            ax.plot(-8, (c + 0.5) * side, self.MARKS[c], color=plots.COLOURS[c], markersize=9)
        ax.set_xlim(-16, side)
        ax.set_axis_off()

    def _prepare_plane(self, ax) -> None:
        self.regions = ax.imshow(
            np.zeros((self.CELLS, self.CELLS)),
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            cmap=ListedColormap(self.TINTS),
            vmin=-0.5,
            vmax=2.5,
        )
        self.shots_drawn, self.queries, self.centres = [], [], []
        for c in range(3):
            look = dict(color=plots.COLOURS[c], marker=self.MARKS[c], linestyle="")
            (query,) = ax.plot([], [], markersize=5, **look)
            (support,) = ax.plot([], [], markersize=8, fillstyle="none", markeredgewidth=1.5, **look)
            (centre,) = ax.plot([], [], markersize=14, markeredgecolor="black", markeredgewidth=1.5, **look)
            self.queries.append(query)
            self.shots_drawn.append(support)
            self.centres.append(centre)
        (self.wrong,) = ax.plot([], [], "x", color="black", markersize=9, markeredgewidth=1.5)
        ax.set_title("large: prototype   open: support   small: query   ×: wrong", fontsize=9)
        ax.set(xticks=[], yticks=[], xlabel="across the plane of the prototypes", ylabel="up the plane")
        ax.set_box_aspect(1)
        ax.grid(False)

    def _prepare_curve(self, ax) -> None:
        most = self.model.sampler.k_shot
        (self.curve,) = ax.plot([], [], marker="o")
        (self.low,), (self.high,) = (ax.plot([], [], color=plots.COLOURS[0], linewidth=0.8) for _ in range(2))
        (self.now,) = ax.plot([], [], "o", color=plots.COLOURS[1], markersize=10)
        ax.axhline(100 / 3, color="#666666", linestyle=":")
        ax.text(most, 100 / 3 + 1, "guessing", ha="right", va="bottom", color="#666666")
        ax.set(xlabel="shots", xlim=(0.5, most + 0.5), ylim=(30, 101))
        ax.set_title(f"accuracy (%), {self.model.n_episodes} tasks", fontsize=9)

    def draw(self) -> str:
        if self.task.value != self.shown_task:
            self.model.draw(self.task.value)
            self.shown_task = self.task.value
        shown = self.model.look(self.learner.value, self.shots.value)
        first = self.model.episodes.support.x[0].unflatten(0, (3, -1))[:, 0]
        self.sheet.set_data(plots.mosaic(first, 1, 12))
        self._show_plane(shown)
        self._show_curve(shown)
        return shown.summary

    def _show_plane(self, shown: PrototypePlane) -> None:
        points = torch.cat([shown.prototypes, shown.support.flatten(0, 1), shown.query.flatten(0, 1)])
        middle, reach = (points.amax(0) + points.amin(0)) / 2, (points.amax(0) - points.amin(0)).max().item() * 0.55
        (left, bottom), (right, top) = (middle - reach).tolist(), (middle + reach).tolist()
        self.regions.set_data(self._grid(left, right, bottom, top, shown.prototypes).numpy())
        self.regions.set_extent((left, right, bottom, top))
        self.panel.set(xlim=(left, right), ylim=(bottom, top))
        for c in range(3):
            self.centres[c].set_data(*shown.prototypes[c].unsqueeze(1).numpy())
            self.shots_drawn[c].set_data(*shown.support[c].T.numpy())
            self.queries[c].set_data(*shown.query[c].T.numpy())
        self.wrong.set_data(*shown.query[~shown.right].T.numpy())

    def _grid(self, left: float, right: float, bottom: float, top: float, prototypes: Tensor) -> Tensor:
        """The label of every cell, (CELLS, CELLS), rows upwards."""
        x, y = torch.linspace(left, right, self.CELLS), torch.linspace(bottom, top, self.CELLS)
        cells = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
        return nearest(cells.flatten(0, 1), prototypes).view(self.CELLS, self.CELLS)

    def _show_curve(self, shown: PrototypePlane) -> None:
        mean, half = (100 * shown.by_shots).T.numpy()
        shots = np.arange(1, len(mean) + 1)
        for line, values in ((self.curve, mean), (self.low, mean - half), (self.high, mean + half)):
            line.set_data(shots, values)
        self.now.set_data([shown.k_shot], [mean[shown.k_shot - 1]])
