"""The widget of lesson 03: a curve adapts to points of a sine wave."""

import ipywidgets
from matplotlib.figure import Figure

from metalearn_course.lessons import plots
from metalearn_course.lessons.explorers.sine import SineExplorer
from metalearn_course.lessons.widgets.base import View, choice, slider


class SineView(View):
    """Amplitude, phase, shots, steps and start: the curve before and after, and the error by step."""

    MOST_STEPS = 10

    def __init__(
        self, model: SineExplorer, amplitude: float = 4.0, phase: float = 1.0, shots: int = 10, steps: int = 5
    ):
        self.model = model
        super().__init__(
            (10.5, 3.6),
            amplitude=_slider("amplitude", amplitude, 0.25, 10.0, 0.25),
            phase=_slider("phase", phase, 0.0, 6.25, 0.25),
            shots=slider("shots", shots, 1, len(model.inputs)),
            steps=slider("steps", steps, 0, self.MOST_STEPS),
            start=choice("start", list(model.starts), next(iter(model.starts))),
        )
        for control in (self.amplitude, self.phase, self.shots, self.steps, self.start):
            control.continuous_update = True  # the browser waits for one picture before it asks for the next
        self.children[0].layout.flex_flow = "row wrap"

    def prepare(self, figure: Figure) -> None:
        curve, error = figure.subplots(1, 2, width_ratios=[2.6, 1])
        (self.truth,) = curve.plot([], [], color="#888888", linestyle="--", label="true curve")
        (self.before,) = curve.plot([], [], color=plots.COLOURS[5], label="before (θ)")
        (self.after,) = curve.plot([], [], color=plots.COLOURS[0], linewidth=2.2, label="after (φ)")
        (self.points,) = curve.plot([], [], "o", color="black", label="support points")
        (low, *_, high) = self.model.grid.tolist()
        curve.set(xlim=(low, high), ylim=(-5.5, 5.5), xlabel="x", ylabel="y")
        curve.set_title("loading", loc="left", fontsize=9)
        figure.legend(*curve.get_legend_handles_labels(), loc="outside upper left", ncols=4)
        (self.errors,) = error.plot([], [], color=plots.COLOURS[0], marker="o", markersize=4, label="whole curve")
        (self.on_points,) = error.plot(
            [], [], color="black", marker="o", markersize=4, linestyle=":", label="support points"
        )
        error.set(xlim=(-0.4, self.MOST_STEPS + 0.4), ylim=(0, 9), xlabel="inner steps", title="mean squared error")
        error.legend(loc="upper right")
        self.panels = curve, error

    def draw(self) -> str:
        controls = self.start, self.amplitude, self.phase, self.shots, self.steps
        shown = self.model.fit(*(control.value for control in controls))
        for line, y in ((self.truth, shown.truth), (self.before, shown.before), (self.after, shown.after)):
            line.set_data(self.model.grid, y)
        self.points.set_data(*shown.support)
        for line, values in ((self.errors, shown.errors), (self.on_points, shown.support_errors)):
            line.set_data(range(len(values)), values)
        curve, error = self.panels
        height = 1.1 * max(5.0, self.amplitude.value)
        curve.set_ylim(-height, height)
        curve.set_title(f"start: {self.start.value}", loc="left", fontsize=9)
        error.set_ylim(0, 1.25 * max(1.0, shown.errors[0], shown.support_errors[0]))
        return shown.summary


def _slider(label: str, value: float, lowest: float, highest: float, step: float) -> ipywidgets.FloatSlider:
    """A number with decimals."""
    layout, style = ipywidgets.Layout(width="230px"), {"description_width": "70px"}
    return ipywidgets.FloatSlider(
        value, min=lowest, max=highest, step=step, description=label, readout_format=".2f", layout=layout, style=style
    )
