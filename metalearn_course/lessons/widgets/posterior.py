"""The widget of lesson 09: posterior samples and inner steps, and what becomes of the predictions."""

import numpy as np
from matplotlib.figure import Figure

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers.posterior import PosteriorExplorer, Predictive
from metalearn_course.lessons.widgets.base import View, slider


class PosteriorView(View):
    """Samples, inner steps and task; a known and an alien query, and the reliability diagram of many tasks."""

    def __init__(self, model: PosteriorExplorer, samples: int = 1, steps: int = 1):
        self.model = model
        super().__init__(
            (9.0, 3.6),
            samples=slider("samples", samples, 1, model.most_samples),
            steps=slider("steps", steps, 0, model.most_steps),
            task=slider("task", 0, 0, model.episodes.n_tasks - 1),
        )

    def prepare(self, figure: Figure) -> None:
        grid = figure.add_gridspec(2, 3, width_ratios=[0.9, 3.2, 3.2])
        self.pictures, self.bars, self.draws, self.panels = [], [], [], []
        side, classes = self.model.episodes.query.x.shape[-1], np.arange(self.model.sampler.n_way)
        for row, name in enumerate(("of the task", "alien")):
            sheet, ax = figure.add_subplot(grid[row, 0]), figure.add_subplot(grid[row, 1])
            self.pictures.append(sheet.imshow(np.zeros((side, side)), vmin=0, vmax=1, cmap="gray_r"))
            sheet.set_title(name, fontsize=9)
            sheet.set_axis_off()
            self.bars.append(ax.bar(classes, 0 * classes, color=plots.COLOURS[row], alpha=0.5))
            self.draws.append(ax.plot([], [], "_", color="black", markersize=9)[0])
            ax.set(ylim=(0, 1.03), xticks=classes, ylabel="probability")
            self.panels.append(ax)
        self.panels[0].set_title("bar: mean   dash: one draw", fontsize=9)
        self.panels[1].set_xlabel("class")
        self.reliability = figure.add_subplot(grid[:, 2])
        self.reliability.plot([0, 1], [0, 1], color="black", linestyle=":")
        (self.dots,) = self.reliability.plot([], [], marker="o")
        self.reliability.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.03), ylim=(0, 1.03))
        self.reliability.set_title(f"{self.model.episodes.n_tasks} tasks", fontsize=9)

    def draw(self) -> str:
        shown = self.model.look(self.samples.value, self.steps.value, self.task.value)
        queries = self.model.episodes.query.x[shown.task, :, 0]
        n_known = self.model.sampler.n_way * self.model.sampler.n_query
        for row, (place, each) in enumerate(((0, shown.known), (n_known, shown.alien))):
            self.pictures[row].set_data(queries[place].numpy())
            for bar, height in zip(self.bars[row], each.mean(0).tolist()):
                bar.set_height(height)
            classes = np.arange(each.shape[1])
            self.draws[row].set_data(np.tile(classes, len(each)), each.flatten().numpy())
        self.panels[0].set_xticks(range(shown.known.shape[1]), self._names(shown))
        bins = shown.reliability
        some = bins.count > 0
        self.dots.set_data(bins.confidence[some].numpy(), bins.accuracy[some].numpy())
        return shown.summary

    def _names(self, shown: Predictive) -> list[str]:
        """Class numbers, with the right one marked."""
        return [f"{c} (right)" if c == shown.label else str(c) for c in range(shown.known.shape[1])]
