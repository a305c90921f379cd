"""The widget of lesson 08: support, generated pictures, the decisions and the accuracy."""

import numpy as np
import torch
from matplotlib.figure import Figure

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers.generated import GeneratedExplorer
from metalearn_course.lessons.widgets.base import View, choice, slider


class GeneratedView(View):
    """Task, m and the temperature of z."""

    MOST = 8  # generated pictures a class that are shown
    TEMPERATURES = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]

    def __init__(self, model: GeneratedExplorer, m: int = 5, temperature: float = 1.0):
        self.model, self.shown_task = model, 0
        super().__init__(
            (8.0, 2.9),
            m=slider("generated", m, 0, 20),
            temperature=choice("temperature", self.TEMPERATURES, temperature),
            task=slider("task", 0, 0, 20),
        )

    def prepare(self, figure: Figure) -> None:
        n_way, n_query = self.model.sampler.n_way, self.model.sampler.n_query
        self.side = self.model.episodes.support.x.shape[-1] + 2
        made, asked, bars = figure.subplots(1, 3, width_ratios=[self.MOST + 1, n_query, 3])
        self.made = made.imshow(np.zeros((n_way * self.side, (self.MOST + 1) * self.side)), vmin=0, vmax=1)
        made.axvline(self.side - 0.5, color="white", linewidth=2)
        made.set_title(f"support | generated (at most {self.MOST} shown)", fontsize=9)
        self.asked = asked.imshow(np.zeros((n_way * self.side, n_query * self.side)), vmin=0, vmax=1)
        (self.wrong,) = asked.plot([], [], "x", color=plots.COLOURS[1], markersize=14, markeredgewidth=2.5)
        asked.set_title("queries   ×: wrong", fontsize=9)
        for ax in (made, asked):
            ax.set_axis_off()
        self.bars = bars.bar([0, 1], [0, 0], color=plots.COLOURS[:2])
        bars.set(xticks=[0, 1], xticklabels=["real", "and\ngenerated"], ylim=(0, 100))
        bars.set_title(f"accuracy (%), {self.model.n_episodes} tasks", fontsize=9)

    def draw(self) -> str:
        if self.task.value != self.shown_task:
            self.model.draw(self.task.value)
            self.shown_task = self.task.value
        shown, task = self.model.look(self.m.value, self.temperature.value), self.model.episodes.task(0)
        n_way, n_query = shown.right.shape
        real = task.support.x.unflatten(0, (n_way, -1))[:, :1]
        sheet = torch.zeros(n_way, self.MOST + 1, *real.shape[2:])
        sheet[:, :1] = real
        few = shown.pictures[:, : self.MOST]
        sheet[:, 1 : 1 + few.shape[1]] = few
        self.made.set_data(plots.mosaic(sheet.flatten(0, 1), self.MOST + 1))
        self.asked.set_data(plots.mosaic(task.query.x, n_query))
        rows, columns = (~shown.right).nonzero(as_tuple=True)
        self.wrong.set_data(((columns + 0.5) * self.side).numpy(), ((rows + 0.5) * self.side).numpy())
        for bar, height in zip(self.bars, (100 * shown.accuracy).tolist()):
            bar.set_height(height)
        return shown.summary
