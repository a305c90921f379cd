import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.lessons import plots, sizes
from metalearn_course.training.loop import History


@pytest.fixture(autouse=True)
def no_window():
    matplotlib.use("agg")
    yield
    plt.close("all")


def test_a_mosaic_puts_pictures_row_by_row():
    pictures = torch.arange(1.0, 7.0).view(6, 1, 1, 1).expand(6, 1, 4, 4)
    sheet = plots.mosaic(pictures, columns=3, gap=2)
    assert sheet.shape == (2 * 6, 3 * 6)
    assert [sheet[r * 6 + 3, c * 6 + 3] for r in range(2) for c in range(3)] == [1, 2, 3, 4, 5, 6]
    assert plots.mosaic(torch.rand(5, 3, 4, 4), columns=2).shape == (18, 12, 3)


def test_the_style_is_put_back_and_leaves_other_settings_alone():
    before = plt.rcParams["axes.grid"]
    was_interactive = matplotlib.is_interactive()
    with plots.style():
        assert plt.rcParams["axes.grid"]
        plt.ion()
    assert plt.rcParams["axes.grid"] == before
    assert matplotlib.is_interactive()  # a notebook turns it on at the first figure, perhaps inside
    matplotlib.interactive(was_interactive)


def test_an_episode_is_drawn_with_a_row_a_class():
    def part(k):
        return LabelledSet(torch.rand(3 * k, 1, 8, 8), torch.arange(3).repeat_interleave(k))

    figure = plots.episode(Episode(part(2), part(7), torch.arange(3)))
    assert [ax.get_title() for ax in figure.axes] == ["support", "query"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "1", "2"]


def test_a_learning_curve_shows_every_step_and_validation():
    records = [{"step": i + 1, "loss": 1.0 / (i + 1)} for i in range(100)]
    records[49]["validation"] = [0.5, 0.02]
    records[99]["validation"] = [0.7, 0.01]
    figure = plots.learning_curve(History(records), n_way=5, baseline=0.4, baseline_label="pixels")
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [1.0 / (i + 1) for i in range(100)])
    assert right.lines[0].get_xdata().tolist() == [50, 100]
    assert left.lines[2].get_ydata()[0] == pytest.approx(np.log(5))
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in figure.axes)


def test_profiles(monkeypatch):
    for name, value in (("fast", 1), ("laptop", 2), ("gpu", 3)):
        monkeypatch.setenv("METALEARN_PROFILE", name)
        assert sizes.pick(fast=1, laptop=2, gpu=3) == value
    monkeypatch.setenv("METALEARN_PROFILE", "huge")
    with pytest.raises(ValueError, match="fast, laptop, gpu"):
        sizes.name()
    monkeypatch.delenv("METALEARN_PROFILE")
    assert sizes.name() == "laptop"


def test_only_entries_with_a_curve_are_drawn_each_with_its_name_and_in_per_cent():
    entries = {"one": {"validation": [[10, 0.5, 0.02], [20, 0.6, 0.01]]}, "two": {"validation": []}, "three": {}}
    (ax,) = plots.validation_curves(entries).axes
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one"]
    line = ax.containers[0].lines[0]
    assert line.get_xdata().tolist() == [10, 20] and line.get_ydata().tolist() == [50, 60]
