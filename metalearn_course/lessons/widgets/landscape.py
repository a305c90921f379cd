"""The widget of lesson 02: paths of adaptation in the plane, and the loss of every start after adapting."""

import torch
from matplotlib.figure import Figure

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers.landscape import LandscapeExplorer
from metalearn_course.lessons.widgets.base import View, choice, slider

RATES = [0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2]
LEVELS = [0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def bands(losses: torch.Tensor):
    """Between which levels a loss lies: bands are drawn faster than contours."""
    return torch.bucketize(losses, torch.tensor(LEVELS)).numpy()


def shade(ax, landscape: LandscapeExplorer, losses: torch.Tensor):
    """Losses on the landscape's grid (R, R) in shades of blue, dark where they are high; returns the image."""
    reach = landscape.extent
    return ax.imshow(
        bands(losses),
        extent=(-reach, reach, -reach, reach),
        origin="lower",
        aspect="auto",
        cmap="Blues",
        vmin=0,
        vmax=len(LEVELS) + 3,
    )


class LandscapeView(View):
    """Inner rate, steps and start: the path in each task, and the meta-loss over all starts."""

    def __init__(self, model: LandscapeExplorer | None = None, alpha: float = 0.3, steps: int = 1):
        self.model = model or LandscapeExplorer.two_valleys()
        reach = int(self.model.extent)
        super().__init__(
            (10.0, 4.0),
            alpha=choice("α", RATES, alpha),
            steps=slider("steps", steps, 0, 10),
            across=slider("θ across", 3, -reach, reach),
            up=slider("θ up", 3, -reach, reach),
        )

    def prepare(self, figure: Figure) -> None:
        n_tasks, reach = len(self.model.centres), self.model.extent
        self.panels = figure.subplots(1, n_tasks + 1, sharex=True, sharey=True)
        self.paths, self.stars = [], []
        for i, ax in enumerate(self.panels[:-1]):
            shade(ax, self.model, self.model.losses(i, self.model.grid))
            (path,) = ax.plot([], [], color="black", marker="o", markersize=4, linewidth=1)
            ax.plot(
                *self.model.centres[i].tolist(), marker="+", color=plots.COLOURS[1], markersize=12, markeredgewidth=2
            )
            slope = torch.linalg.eigh(self.model.curvatures[i])[1][:, -1]  # the steep direction
            ax.axline(
                self.model.centres[i].tolist(), (self.model.centres[i] + slope).tolist(), color="grey", linestyle="--"
            )
            (star,) = ax.plot([], [], "*", color=plots.COLOURS[1], markersize=11)
            self.stars.append(star)
            ax.set_title(f"task {i + 1}: loss and path")
            self.paths.append(path)
        ax = self.panels[-1]
        self.surface = shade(ax, self.model, torch.zeros(self.model.grid.shape[:2]))
        (self.start,) = ax.plot([], [], "o", color="black", label="θ")
        (star,) = ax.plot([], [], "*", color=plots.COLOURS[1], markersize=13, label="best start")
        self.stars.append(star)
        ax.legend(loc="lower left")
        ax.set_title("meta-loss of every start")
        for ax in self.panels:
            ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="θ across")
            ax.set_box_aspect(1)
            ax.grid(False)
        self.panels[0].set_ylabel("θ up")

    def draw(self) -> str:
        shown, surface = self.model.adapt((self.across.value, self.up.value), self.alpha.value, self.steps.value)
        for line, path in zip(self.paths, shown.paths):
            line.set_data(*path.T.numpy())
        self.surface.set_data(bands(surface))
        self.start.set_data(*shown.theta.view(2, 1).numpy())
        for star in self.stars:
            star.set_data(*shown.best.view(2, 1).numpy())
        return shown.summary
