"""The widget of lesson 05: where four outer updates lead, and what adapting is worth on the way."""

import torch
from matplotlib.figure import Figure

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers.paths import METHODS, PathExplorer
from metalearn_course.lessons.widgets.base import View, choice, slider
from metalearn_course.lessons.widgets.landscape import RATES, bands, shade


class PathView(View):
    """Inner steps, inner rate and start: the walks of joint training, FOMAML, MAML and Reptile."""

    LINES = ["-", "--", "-.", ":"]  # a walk can be told from another without its colour

    def __init__(self, model: PathExplorer | None = None, steps: int = 3, alpha: float = 0.3):
        self.model = model or PathExplorer()
        reach = int(self.model.landscape.extent)
        super().__init__(
            (10.0, 4.3),
            steps=slider("steps", steps, 0, 20),
            alpha=choice("α", RATES, alpha),
            across=slider("θ across", -3, -reach, reach),
            up=slider("θ up", 2, -reach, reach),
        )

    def prepare(self, figure: Figure) -> None:
        plane, curve = figure.subplots(1, 2, width_ratios=[1, 1.3])
        self._prepare_plane(plane)
        self.curves = {
            name: curve.plot([], [], color=colour, linestyle=line, linewidth=2, marker="o", markevery=[-1], label=name)[
                0
            ]
            for name, colour, line in zip(METHODS, plots.COLOURS, self.LINES)
        }
        curve.set(xlabel="distance walked from θ", ylabel="mean loss after adapting", yscale="log", xlim=(0, 10))
        curve.set_ylim(1e-3, 10)
        figure.legend(*curve.get_legend_handles_labels(), loc="outside upper right", ncols=4)
        self.curve = curve

    def _prepare_plane(self, ax) -> None:
        landscape, reach = self.model.landscape, self.model.landscape.extent
        self.surface = shade(ax, landscape, torch.zeros(landscape.grid.shape[:2]))
        self.inner = [
            ax.plot([], [], color="#444444", marker="o", markersize=3, linewidth=0.8)[0] for _ in landscape.centres
        ]
        ax.plot(*landscape.centres.T.numpy(), "+", color="black", markersize=12, markeredgewidth=2)
        styles = list(zip(plots.COLOURS, self.LINES))
        self.walks = [ax.plot([], [], color=colour, linestyle=line, linewidth=2)[0] for colour, line in styles]
        self.stops = [ax.plot([], [], "o", color=colour, markersize=7)[0] for colour in plots.COLOURS[: len(METHODS)]]
        place = torch.zeros(len(METHODS)).numpy()
        self.arrows = ax.quiver(
            place, place, place, place, color=plots.COLOURS[: len(METHODS)], angles="xy", scale_units="xy", scale=1
        )
        self.arrows.set(zorder=3)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="θ across", ylabel="θ up")
        ax.set_title("steps (grey) and walks of θ", loc="left")
        ax.set_box_aspect(1)
        ax.grid(False)

    def draw(self) -> str:
        settings = self.alpha.value, self.steps.value
        shown = self.model.walk((self.across.value, self.up.value), *settings)
        self.surface.set_data(bands(self.model.landscape.meta_loss(self.model.landscape.grid, *settings)))
        for line, path in zip(self.inner, shown.inner):
            line.set_data(*path.T.numpy())
        for name, walk, stop in zip(METHODS, self.walks, self.stops):
            walk.set_data(*shown.outer[name].T.numpy())
            stop.set_data(*shown.outer[name][-1:].T.numpy())
            self.curves[name].set_data(shown.lengths[name].numpy(), shown.losses[name].numpy())
        self.arrows.set_offsets(shown.theta.expand(len(METHODS), 2).numpy())
        self.arrows.set_UVC(*torch.stack(list(shown.directions.values())).T.numpy())
        every = torch.stack(list(shown.losses.values())).clamp(1e-6, 1e3)
        self.curve.set_ylim(every.min().item() / 1.5, every.max().item() * 1.5)
        self.curve.set_xlim(0, max(1.0, *(length[-1].item() for length in shown.lengths.values())))
        return shown.summary
