"""`metalearn data`, and datasets that are not there."""

import re

import pytest
from helpers import easy_classes, write_pictures

from metalearn_course.cli.main import main
from metalearn_course.datasets import from_tensors


def test_data_describes_a_dataset(pictures, capsys):
    assert main(["data", "--dataset", f"folder:{pictures}"]) == 0
    out = capsys.readouterr().out
    assert "mine: 30 classes in 30 groups" in out
    assert "240, 1x28x28; 8 per class" in out and "class00, class01" in out and "and 24 more" in out
    split = dict(re.findall(r"^  (train|validation|test) +(\d+) classes$", out, re.MULTILINE))
    assert split == {"train": "20", "validation": "3", "test": "7"}


@pytest.mark.parametrize(("size", "channels"), [(20, 3), (32, 1)])
def test_pictures_come_in_the_size_and_channels_that_are_asked_for(pictures, capsys, size, channels):
    options = ["--size", str(size), "--channels", str(channels)]
    assert main(["data", "--dataset", f"folder:{pictures}", *options]) == 0
    assert f"{channels}x{size}x{size}" in capsys.readouterr().out


def test_small_classes_are_left_out_where_that_is_asked(tmp_path, capsys):
    images = from_tensors("few", easy_classes(3, 4).images[:9], [2, 4, 3], ["a", "b", "c"])
    folder = write_pictures(tmp_path / "few", images)
    assert main(["data", "--dataset", f"folder:{folder}", "--at-least", "3"]) == 0
    assert "few: 2 classes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("dataset", "answer"),
    [
        (["--dataset", "imagenet"], "unknown dataset 'imagenet'"),
        (["--dataset", "folder:nowhere"], "nowhere is not a folder"),
        (["--dataset", "omniglot", "--root", "nowhere"], "nowhere is not a folder"),
    ],
)
@pytest.mark.parametrize("command", [["data"], ["train", "maml"]])
def test_a_dataset_that_is_not_there_is_answered_in_one_line(refused, command, dataset, answer):
    assert answer in refused(*command, *dataset)
