"""The examples in the docstrings run, and the names that readers use most have one."""

import doctest
import importlib.util
import inspect
import pkgutil
from pathlib import Path

import pytest
import torch

import metalearn_course
from metalearn_course import datasets, episode, evaluation, functional, learners, nets, sampling, training

MOST_USED = [
    episode.Episode,
    episode.LabelledSet,
    sampling.EpisodeSampler,
    datasets.load,
    datasets.from_tensors,
    datasets.ImageClasses.split,
    datasets.ImageClasses.with_rotations,
    datasets.ImageClasses.select,
    nets.Conv4,
    nets.wrap,
    functional.prototypes,
    functional.sgd_step,
    functional.accuracy,
    learners.MAML,
    learners.ANIL,
    learners.Reptile,
    learners.ProtoNet,
    learners.MatchingNet,
    learners.Pretrained,
    learners.Learner.adapt,
    learners.load_pretrained,
    training.fit,
    evaluation.evaluate,
    evaluation.paired,
]
MODULES = [info.name for info in pkgutil.walk_packages(metalearn_course.__path__, "metalearn_course.")]


def modules_with_examples() -> list[str]:
    """Found in their text, since some modules import what only their writer has."""
    paths = {name: importlib.util.find_spec(name).origin for name in MODULES}
    return [name for name, path in paths.items() if ">>> " in Path(path).read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module_run(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"torch": torch})
    assert result.attempted and not result.failed


@pytest.mark.parametrize("it", MOST_USED, ids=lambda it: it.__qualname__)
def test_what_readers_use_most_has_an_example(it):
    assert doctest.DocTestParser().get_examples(inspect.getdoc(it))
