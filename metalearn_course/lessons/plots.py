"""The figures of the course: one style, safe for colour-blind readers, white also in a dark notebook."""

import math
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from metalearn_course.lessons import syllabus

# Okabe and Ito's palette, without its yellow, which white paper swallows.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
RIGHT, WRONG = COLOURS[0], COLOURS[1]
STYLE: dict[Any, Any] = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 84,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=COLOURS),
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "image.cmap": "gray_r",  # ink is 1 and black
}


@contextmanager
def style():
    """The course's style for figures made inside.

    Not plt.rc_context: it puts back every setting, and with them the one by which a notebook shows
    figures, which matplotlib may have changed inside.
    """
    before = {key: plt.rcParams[key] for key in STYLE}
    plt.rcParams.update(STYLE)
    try:
        yield
    finally:
        plt.rcParams.update(before)


def use_style() -> None:
    """The course's style for the rest of the notebook."""
    plt.rcParams.update(STYLE)


def mosaic(pictures: Tensor, columns: int, gap: int = 2) -> np.ndarray:
    """Pictures (M, C, H, W) as one array (rows * (H + gap), columns * (W + gap)) or with colours behind."""
    m, c, h, w = pictures.shape
    rows = -(-m // columns)
    sheet = torch.zeros(rows * columns, c, h + gap, w + gap) + (c == 3)
    sheet[:m, :, gap // 2 : gap // 2 + h, gap // 2 : gap // 2 + w] = pictures
    sheet = sheet.view(rows, columns, c, h + gap, w + gap).permute(0, 3, 1, 4, 2)
    return sheet.reshape(rows * (h + gap), columns * (w + gap), c).squeeze(-1).numpy()


def show_pictures(ax: Axes, pictures: Tensor, columns: int, title: str = "") -> None:
    """A grid of pictures without axes."""
    ax.imshow(mosaic(pictures, columns), vmin=0, vmax=1)
    ax.set_title(title)
    ax.set_axis_off()


def episode(task, max_query: int = 5) -> Figure:
    """One task: a row a class, its support pictures left, its first queries right."""
    n_way = task.n_way
    with style():
        support, query = (part.x.view(n_way, -1, *part.x.shape[1:]) for part in (task.support, task.query))
        query = query[:, :max_query]
        widths = [support.shape[1] + 0.6, query.shape[1]]
        figure, axes = plt.subplots(1, 2, width_ratios=widths, figsize=(0.6 * sum(widths) + 1, 0.58 * n_way + 0.4))
        show_pictures(axes[0], support.flatten(0, 1), support.shape[1], "support")
        show_pictures(axes[1], query.flatten(0, 1), query.shape[1], "query")
        row = task.support.x.shape[-1] + 2
        for label in range(n_way):
            axes[0].text(-4, (label + 0.5) * row, f"{label}", ha="right", va="center")
    return figure


def learning_curve(history, n_way: int, baseline: float | None = None, baseline_label: str = "") -> Figure:
    """Outer loss, smoothed, and validation accuracy with its 95 % interval, against meta-steps.

    Dotted: the loss and the accuracy of guessing among n_way classes.
    """
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
        losses = np.asarray(history.losses)
        window = max(1, len(losses) // 50)
        smooth = np.convolve(losses, np.ones(window) / window, "valid")
        left.plot(np.arange(1, len(losses) + 1), losses, color="#BBBBBB", linewidth=0.8, label="each meta-step")
        left.plot(np.arange(window, len(losses) + 1), smooth, label=f"mean over {window}")
        left.axhline(math.log(n_way), color="black", linestyle=":", label="guessing")
        left.set(xlabel="meta-step", ylabel="query loss after adaptation", ylim=(0, None))
        left.legend()
        if history.validation:
            steps, accuracies, intervals = zip(*history.validation)
            right.errorbar(steps, 100 * np.array(accuracies), 100 * np.array(intervals), marker="o", capsize=3)
        right.axhline(100 / n_way, color="black", linestyle=":")
        if baseline is not None:
            right.axhline(100 * baseline, color=COLOURS[1], linestyle="--")
            right.annotate(baseline_label, (0.02, 100 * baseline), xycoords=("axes fraction", "data"), va="bottom")
        right.set(xlabel="meta-step", ylabel="validation accuracy (%)", ylim=(0, 102))
    return figure


def validation_curves(entries: dict[str, dict]) -> Figure:
    """Validation accuracy against meta-steps, of those entries of the ledger that have a curve."""
    with style():
        figure, ax = plt.subplots(figsize=(7, 3.2))
        for name, entry in entries.items():
            if entry.get("validation"):
                steps, accuracies, intervals = np.array(entry["validation"]).T
                ax.errorbar(steps, 100 * accuracies, 100 * intervals, marker="o", markersize=3, capsize=2, label=name)
        ax.set(xlabel="meta-step", ylabel="validation accuracy (%)", xscale="log")
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def reliability_diagram(parts: dict) -> Figure:
    """Accuracy against confidence for every name: Reliability of `calibration.reliability`, side by side.

    Dotted: confidence that is deserved. Bars: the share of the answers with that confidence.
    """
    with style():
        figure, axes = plt.subplots(1, len(parts), figsize=(3 * len(parts), 3.1), sharey=True, squeeze=False)
        for ax, colour, (name, bins) in zip(axes[0], COLOURS, parts.items()):
            width = 1 / len(bins.count)
            middles = (np.arange(len(bins.count)) + 0.5) * width
            ax.plot([0, 1], [0, 1], color="black", linestyle=":")
            ax.plot(bins.confidence, bins.accuracy, color=colour, marker="o", markersize=4)
            ax.bar(middles, (bins.count / bins.count.sum()).numpy(), 0.9 * width, color="#BBBBBB")
            ax.set(title=name, xlabel="confidence", xlim=(0, 1.02), ylim=(0, 1.02))
        axes[0, 0].set_ylabel("accuracy; share of answers")
    return figure


def course_map(lessons=syllabus.LESSONS) -> Figure:
    """The lessons, a row a family, and what needs what. Dashed: planned. Thick: the two-hour path."""
    with style():
        figure, ax = plt.subplots(figsize=(9, 4.6))
        places = {lesson.number: (lesson.column, -syllabus.FAMILIES.index(lesson.family)) for lesson in lessons}
        for lesson in lessons:
            _lesson_box(ax, lesson, places[lesson.number])
            for need in lesson.needs:
                far = places[lesson.number][0] - places[need][0] > 1  # over another lesson, not through it
                line = dict(arrowstyle="->", color="#666666", shrinkA=26, shrinkB=26)
                line["connectionstyle"] = f"arc3,rad={-0.35 * far}"
                ax.annotate("", places[lesson.number], places[need], arrowprops=line, zorder=1)
        for row, family in enumerate(syllabus.FAMILIES):
            ax.text(-0.6, -row, family, ha="right", va="center", color=COLOURS[row], weight="bold")
        ax.set(xlim=(-1.9, 5.6), ylim=(0.5 - len(syllabus.FAMILIES), 0.5))
        ax.set_axis_off()
    return figure


def _lesson_box(ax: Axes, lesson: syllabus.Lesson, place: tuple[float, float]) -> None:
    edge = COLOURS[syllabus.FAMILIES.index(lesson.family)]
    kind = dict(linestyle="-" if lesson.file else "--", linewidth=2.5 if lesson.short_path else 1.0)
    box = dict(boxstyle="round,pad=0.4", facecolor="white", edgecolor=edge, **kind)
    ax.text(*place, f"{lesson.number}\n{lesson.title}", ha="center", va="center", fontsize=8, bbox=box, zorder=2)
