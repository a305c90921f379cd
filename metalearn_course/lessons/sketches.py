"""Schematics: an idea drawn rather than measured, in the course's style."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from metalearn_course.episode import Episode
from metalearn_course.lessons import plots

INK, QUIET = "#333333", "#888888"


def prompt(task: Episode, asked: int = 0) -> Figure:
    """A one-shot task laid out as a prompt: picture, label, picture, label, … and a picture without a label."""
    with plots.style():
        n = len(task.support.y)
        figure, axes = plots.plt.subplots(1, n + 1, figsize=(0.95 * (n + 1), 1.5))
        pictures = [*task.support.x, task.query.x[asked]]
        for place, (ax, picture) in enumerate(zip(axes, pictures)):
            plots.show_pictures(ax, picture.unsqueeze(0), 1)
            known = place < n
            text = str(int(task.support.y[place])) if known else "?"
            ax.set_title(text, y=-0.42, fontsize=14, color=INK if known else plots.WRONG, weight="bold")
    return figure


def in_context(n_support: int = 3) -> Figure:
    """The transformer of lesson 16: tokens of support and query, what reads what, and where the answer comes out."""
    with plots.style():
        figure, ax = plots.plt.subplots(figsize=(8.6, 3.5))
        middle = (n_support - 1) / 2 * 1.7
        for i in range(n_support):
            _token(ax, 1.7 * i, 0, f"code of\nlabel {i}", plots.COLOURS[2])
            _arrow(ax, (1.7 * i, 0.42), (middle, 1.32), plots.COLOURS[2])
        _box(ax, middle, 1.65, 3.4, 0.62, "keys and values, kept: the state of the task", plots.COLOURS[2])
        query = 1.7 * n_support + 0.9
        _token(ax, query, 0, "code\n“unknown”", plots.COLOURS[1])
        _arrow(ax, (query, 0.42), (query, 1.32), INK)
        _box(ax, query, 1.65, 1.55, 0.62, "attention", plots.COLOURS[1])
        _arrow(ax, (middle + 1.75, 1.65), (query - 0.82, 1.65), plots.COLOURS[2])
        _arrow(ax, (query, 1.98), (query, 2.62), INK)
        ax.text(query, 2.9, "answer, compared with\nthe codes of the labels", ha="center", va="center", fontsize=9)
        ax.text(middle, -0.72, "support", ha="center", color=QUIET)
        ax.text(query, -0.72, "a query", ha="center", color=QUIET)
        ax.set(xlim=(-1, query + 1.2), ylim=(-0.9, 3.2))
        ax.set_axis_off()
    return figure


def _token(ax: Axes, x: float, y: float, code: str, colour: str) -> None:
    """A token: what the picture shows, and beside it the code of its label."""
    for left, width, text, face in ((-0.75, 0.8, "picture", "white"), (0.05, 0.7, code, colour)):
        patch = Rectangle((x + left, y - 0.4), width, 0.8, facecolor=face, edgecolor=INK, alpha=0.9)
        ax.add_patch(patch)
        ink = "white" if face != "white" else INK
        ax.text(x + left + width / 2, y, text, ha="center", va="center", fontsize=7.5, color=ink)


def _box(ax: Axes, x: float, y: float, width: float, height: float, text: str, colour: str) -> None:
    """A rounded box around (x, y)."""
    shape: dict[str, Any] = dict(boxstyle="round,pad=0.02", facecolor="white", edgecolor=colour, linewidth=1.6)
    corner = (x - width / 2, y - height / 2)
    ax.add_patch(FancyBboxPatch(corner, width, height, **shape))
    ax.text(x, y, text, ha="center", va="center", fontsize=9)


def _arrow(ax: Axes, start: tuple, end: tuple, colour: str) -> None:
    ax.annotate("", end, start, arrowprops=dict(arrowstyle="->", color=colour, linewidth=1.2))
