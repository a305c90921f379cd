"""The widget of lesson 04: watch MAML adapt to one task."""

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers import Adaptation, AdaptationExplorer
from metalearn_course.lessons.widgets.base import View, choice, slider


class AdaptationView(View):
    """Steps, inner rate, shots and task of a MAML learner; queries before and after, accuracy by step."""

    RATES = ["learned", 0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 2.0, 5.0]
    MOST_STEPS = 10
    GAP = 12  # pixels between pictures, with room for the answers

    def __init__(self, model: AdaptationExplorer, steps: int = 1):
        self.model, self.shown_task = model, 0
        super().__init__(
            (10.5, 3.6),
            steps=slider("steps", steps, 0, self.MOST_STEPS),
            alpha=choice("α", self.RATES, "learned"),
            shots=slider("shots", 1, 1, model.sampler.k_shot),
            task=slider("task", 0, 0, 20),
        )

    def prepare(self, figure: Figure) -> None:
        sampler = self.model.sampler
        shapes = [(sampler.n_way, columns) for columns in (sampler.k_shot, sampler.n_query, sampler.n_query)]
        self.panels = figure.subplots(1, 4, width_ratios=[*(columns for _, columns in shapes), 4.5])
        self.side = self.model.task.query.x.shape[-1] + self.GAP
        self.images, self.guesses = [], []
        for ax, (rows, columns) in zip(self.panels, shapes):
            self.images.append(ax.imshow(np.zeros((rows * self.side, columns * self.side)), vmin=0, vmax=1))
            ax.set_axis_off()
        for ax in self.panels[1:3]:
            spots = [(c * self.side + 1, r * self.side) for r in range(sampler.n_way) for c in range(sampler.n_query)]
            self.guesses.append([ax.text(x, y, "", fontsize=9, weight="bold", va="top") for x, y in spots])
        for label in range(sampler.n_way):
            self.panels[0].text(-4, (label + 0.5) * self.side, str(label), ha="right", va="center", weight="bold")
        curve = self.panels[3]
        (self.curve,) = curve.plot([], [], marker="o")
        curve.axhline(100 / sampler.n_way, color="#666666", linestyle=":")
        curve.text(self.MOST_STEPS, 100 / sampler.n_way + 1, "guessing", ha="right", va="bottom", color="#666666")
        curve.set(xlim=(-0.3, self.MOST_STEPS + 0.3), ylim=(0, 104), xlabel="inner steps", title="query accuracy (%)")

    def draw(self) -> str:
        if self.task.value != self.shown_task:
            self.model.draw(self.task.value)
            self.shown_task = self.task.value
        alpha = None if self.alpha.value == "learned" else self.alpha.value
        shown = self.model.adapt(self.steps.value, alpha, self.shots.value)
        self._show_support(shown)
        for position, guesses in enumerate((shown.before, shown.after)):
            self._show_guesses(position, shown, guesses)
        self.curve.set_data(range(len(shown.accuracies)), [100 * a for a in shown.accuracies])
        return shown.summary

    def _show_support(self, shown: Adaptation) -> None:
        """The shots in use, on a sheet with room for all."""
        n_way, k_shot = self.model.sampler.n_way, self.model.sampler.k_shot
        x = shown.support.x.view(n_way, -1, *shown.support.x.shape[1:])
        sheet = x.new_zeros(n_way, k_shot, *x.shape[2:])
        sheet[:, : x.shape[1]] = x
        self.images[0].set_data(plots.mosaic(sheet.flatten(0, 1), k_shot, self.GAP))
        self.panels[0].set_title("support")

    def _show_guesses(self, position: int, shown: Adaptation, guesses: Tensor) -> None:
        right = guesses == shown.query.y
        self.images[1 + position].set_data(plots.mosaic(shown.query.x, self.model.sampler.n_query, self.GAP))
        self.panels[1 + position].set_title(
            f"{('before', 'after')[position]}: {int(right.sum())} of {len(right)} right"
        )
        for text, guess, ok in zip(self.guesses[position], guesses.tolist(), right.tolist()):
            text.set(text=f"{guess}" if ok else f"{guess} ✗", color=plots.RIGHT if ok else plots.WRONG)
