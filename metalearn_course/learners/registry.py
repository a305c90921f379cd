"""All learners by name, and their descriptions: the one place where a new learner is entered."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from metalearn_course import nets
from metalearn_course.learners.abml import ABML
from metalearn_course.learners.anil import ANIL
from metalearn_course.learners.base import Learner
from metalearn_course.learners.baseline import Pretrained
from metalearn_course.learners.incontext import InContext
from metalearn_course.learners.maml import MAML
from metalearn_course.learners.matching import MatchingNet
from metalearn_course.learners.protonet import ProtoNet
from metalearn_course.learners.reptile import Reptile
from metalearn_course.learners.vilm import VILM

LEARNERS: dict[str, type[Learner]] = {
    learner.__name__: learner
    for learner in (MAML, ANIL, Reptile, ProtoNet, MatchingNet, Pretrained, VILM, ABML, InContext)
}


def describe(learner: Learner) -> dict[str, Any]:
    """Names and arguments of a learner and its net, for checkpoints; "own" marks what the registries lack."""
    description = _described(learner, LEARNERS)
    if isinstance(getattr(learner, "net", None), nn.Module):
        description["net"] = _described(learner.net, nets.NETS)
    return description


def build(description: dict[str, Any]) -> Learner:
    """A learner, untrained, from what `describe` wrote down; ValueError where the registries lack it."""
    options = dict(description)
    net = dict(options.pop("net", {}))
    make_learner = _known(options, LEARNERS, "learners", description)
    make_net = _known(net, nets.NETS, "nets", description)
    return make_learner(make_net(**net), **options)


def _known(options: dict[str, Any], registry: Mapping[str, type], rooms: str, description: dict) -> type:
    """Take the name out of the options, and give its class."""
    name = options.pop("name", None)
    if options.pop("own", False) or name not in registry:
        raise ValueError(
            f"{name} is not among the {rooms} of the course ({', '.join(registry)}), so a checkpoint cannot make it "
            f"anew: {description}. Make the learner as it was made for the training, then call "
            "load_learner(path, into=learner)"
        )
    return registry[name]


def _described(module: nn.Module, registry: Mapping[str, type]) -> dict[str, Any]:
    name = type(module).__name__
    own = {} if registry.get(name) is type(module) else {"own": True}
    return {"name": name, **own, **getattr(module, "config", {})}
