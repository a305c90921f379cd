"""All learners by name: the one place where a new one is entered."""

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

LEARNERS = {
    learner.__name__: learner
    for learner in (MAML, ANIL, Reptile, ProtoNet, MatchingNet, Pretrained, VILM, ABML, InContext)
}


def build(description: dict) -> Learner:
    """A learner, untrained, from what `training.describe` wrote down."""
    options = dict(description)
    net = dict(options.pop("net"))
    return LEARNERS[options.pop("name")](nets.NETS[net.pop("name")](**net), **options)
