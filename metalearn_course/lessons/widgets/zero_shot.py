"""The widget of lesson 12: two parts and how they stand, and the pictures nearest to that description."""

import numpy as np
from matplotlib.figure import Figure

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers.zero_shot import ZeroShotExplorer
from metalearn_course.lessons.widgets.base import View, choice

ARRANGEMENTS = {"side by side": ("left", "right"), "stacked": ("top", "bottom")}


class ZeroShotView(View):
    """Two parts and their arrangement; a row of pictures, the nearest first, with their cosines."""

    SHOWN = 8

    def __init__(self, model: ZeroShotExplorer, first: str = "木", second: str = "口", arrangement: str = "stacked"):
        self.model = model
        parts = sorted({*model.common_parts(), first, second})
        super().__init__(
            (9.0, 1.9),
            first=choice("first", parts, first),
            second=choice("second", parts, second),
            arrangement=choice("they stand", list(ARRANGEMENTS), arrangement),
        )

    def prepare(self, figure: Figure) -> None:
        side = self.model.images.images.shape[-1]
        self.panels = []
        for ax in figure.subplots(1, self.SHOWN):
            picture = ax.imshow(np.zeros((side, side)), vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[], title="0.00\n")
            ax.set_xlabel(" ")
            ax.grid(False)
            for spine in ax.spines.values():
                spine.set(visible=True, linewidth=2.5)
            self.panels.append((ax, picture))

    def draw(self) -> str:
        places = ARRANGEMENTS[self.arrangement.value]
        self.shown = shown = self.model.look(list(zip((self.first.value, self.second.value), places)), self.SHOWN)
        for i, (ax, picture) in enumerate(self.panels):
            picture.set_data(shown.pictures[i, 0].numpy())
            ax.set_title(f"{shown.similarities[i]:.2f}" + "\nas described" * shown.exact[i])
            ax.set_xlabel("unseen" if shown.unseen[i] else "seen")
            for spine in ax.spines.values():
                spine.set_color(plots.RIGHT if shown.exact[i] else "#CCCCCC")
        return shown.summary
