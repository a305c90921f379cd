"""What a net has to be is checked when a learner is made, and the answer says all that it lacks."""

import pytest
import torch
from foreign_nets import Tutorial, resnet18
from torch import nn

from metalearn_course import nets
from metalearn_course.learners import ANIL, MAML, MatchingNet, Pretrained, ProtoNet, Reptile


class Plain(nn.Module):
    """Everything that an embedding needs, and no normalisation."""

    def __init__(self, out_features: int = 5):
        super().__init__()
        self.config, self.in_channels, self.image_size, self.out_features = {}, 1, 16, out_features
        self.layer = nn.Linear(256, 5)

    def forward(self, x, stats=None, return_stats=False):
        features = self.layer(x.flatten(1))
        return (features, ()) if return_stats else features


class WithoutStats(Plain):
    def forward(self, x):
        return self.layer(x.flatten(1))


class Running(Plain):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(5)


def test_a_net_that_has_everything_passes_also_without_normalisation():
    assert nets.check(Plain()) == [] and nets.check(nets.Conv4(hidden=4)) == [4] * 4


@pytest.mark.parametrize("kind", [MAML, ANIL, Reptile, ProtoNet, MatchingNet, lambda net, n: Pretrained(net, n, 9)])
def test_a_net_that_is_no_embedding_is_refused_when_the_learner_is_made(kind):
    with pytest.raises(TypeError, match="ResNet cannot be a learner's net: it lacks config.*nets.wrap") as error:
        kind(resnet18(), 5)
    for wanted in ("config (dict)", "in_channels (int)", "image_size (int)", "out_features (int)", "running_mean"):
        assert wanted in str(error.value)


@pytest.mark.parametrize(
    ("net", "answer"),
    [
        (Tutorial, "it lacks config"),
        (WithoutStats, r"does not take \(x, stats=None, return_stats=False\)"),
        (Running, r"running statistics \(norm.running_mean\)"),
        (lambda: Plain(out_features=7), r"out_features=7, but its features of two pictures are \(2, 5\)"),
        (lambda: lambda x: x, "wants an nn.Module"),
    ],
)
def test_the_answer_says_what_is_missing(net, answer):
    with pytest.raises(TypeError, match=answer):
        ProtoNet(net(), 5)


def test_the_check_draws_no_random_numbers():
    net, before = nets.Conv4(hidden=4), torch.get_rng_state()
    nets.check(net)
    assert torch.equal(torch.get_rng_state(), before)
