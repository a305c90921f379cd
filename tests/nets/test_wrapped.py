"""A reader's own network as an embedding: the same function, without memory and without chance."""

import copy

import pytest
import torch
import torch.nn.functional as F
from foreign_nets import FOREIGN, Tutorial, resnet18, with_batch_norm, wrapped
from torch import nn
from torch.func import functional_call, grad

from metalearn_course import nets

foreign = pytest.mark.parametrize("name", FOREIGN)


def pictures(net, n=4, seed=0):
    x = torch.rand(n, net.in_channels, net.image_size, net.image_size, generator=torch.Generator().manual_seed(seed))
    return x.to(next(net.parameters()).dtype)


@foreign
def test_its_features_are_those_of_the_module_in_training_without_dropout(name):
    make, options = FOREIGN[name]
    torch.manual_seed(0)
    module = make()
    net = wrapped(name)
    for layer in module.modules():
        if isinstance(layer, nn.Dropout | nn.Dropout2d):
            layer.p = 0.0
    for drop in [options["drop"]] if isinstance(options["drop"], str) else options["drop"]:
        module.set_submodule(drop, nn.Identity())
    x = pictures(net)
    torch.testing.assert_close(net(x), module(x).flatten(1), rtol=1e-3, atol=1e-4)
    assert net(x).shape == (4, net.out_features)
    assert nets.check(net) == [
        m.num_features for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
    ]


@foreign
def test_statistics_measured_and_handed_back_give_the_same_features(name):
    net = wrapped(name).double()
    x = pictures(net)
    features, stats = net(x, return_stats=True)
    torch.testing.assert_close(net(x, stats), features)
    torch.testing.assert_close(net(x[:1], stats), features[:1])
    assert not stats or not torch.allclose(net(x[:1]), features[:1])
    assert not any(buffer.numel() for buffer in net.buffers())


def test_second_derivatives_under_vmap_are_those_of_a_loop_over_the_module(float64):
    net = wrapped("batch norm and dropout")
    phi, x = dict(net.named_parameters()), torch.stack([pictures(net, seed=s) for s in range(3)])

    def turned(x):  # the gradient of the length of a gradient
        def inner(phi):
            return sum(g.pow(2).sum() for g in grad(lambda p: functional_call(net, p, (x,)).pow(3).sum())(phi).values())

        return grad(inner)(phi)

    def reference(x):
        module = with_batch_norm()
        module[9] = module[10] = module[3] = nn.Identity()
        module.load_state_dict({n.removeprefix("module."): p for n, p in phi.items()}, strict=False)
        weights = [p for n, p in module.named_parameters()]
        slopes = torch.autograd.grad(module(x).pow(3).sum(), weights, create_graph=True)
        return torch.autograd.grad(sum(g.pow(2).sum() for g in slopes), weights)

    found = torch.vmap(turned)(x)
    for i in range(3):
        torch.testing.assert_close([found[n][i] for n in phi], list(reference(x[i])), rtol=1e-6, atol=1e-8)


def test_the_readers_module_stays_as_it_is():
    module = with_batch_norm()
    before = copy.deepcopy(module.state_dict())
    with pytest.warns(UserWarning, match="random layers 3, 9"):
        net = nets.wrap(module, 16, 1)
    net(pictures(net)).sum().backward()
    assert isinstance(module[1], nn.BatchNorm2d) and isinstance(module[9], nn.Dropout)
    assert all(torch.equal(before[n], t) for n, t in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())


def test_a_copy_is_a_net_of_its_own():
    net = wrapped("resnet18")
    other = copy.deepcopy(net)
    with torch.no_grad():
        other.module.bn1.bias += 1
    x = pictures(net)
    features, stats = other(x, return_stats=True)
    torch.testing.assert_close(other(x, stats), features, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(net(x), features)


def test_a_layer_in_two_places_keeps_statistics_for_each():
    norm = nn.BatchNorm2d(4)
    net = nets.wrap(nn.Sequential(nn.Conv2d(1, 4, 3), norm, nn.ReLU(), nn.Conv2d(4, 4, 3), norm), 16, 1)
    features, stats = net(pictures(net), return_stats=True)
    assert len(stats) == 2 and len(list(net.parameters())) == 6
    torch.testing.assert_close(net(pictures(net), stats), features, rtol=1e-4, atol=1e-5)


def test_normalisation_without_scale_has_nothing_to_learn():
    net = nets.wrap(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, affine=False)), 16, 1)
    x, (conv, _) = pictures(net), net.module
    torch.testing.assert_close(
        net(x), F.batch_norm(conv(x), None, None, training=True).flatten(1), rtol=1e-4, atol=1e-5
    )
    assert len(list(net.parameters())) == 2


class Chancy(Tutorial):
    def forward(self, x):
        return super().forward(F.dropout(x, training=self.training))


class Counting(Tutorial):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen += len(x)
        return super().forward(x)


class Twice(nn.Module):
    def __init__(self, times):
        super().__init__()
        self.norm, self.times = nn.BatchNorm2d(1), times

    def forward(self, x):
        for _ in range(self.times):
            x = self.norm(x)
        return x


@pytest.mark.parametrize(
    ("module", "options", "answer"),
    [
        (Tutorial, {"drop": "fc9"}, "'fc9': the module has no such layer; its last ones are conv1, conv2, fc1, fc2"),
        (
            Tutorial,
            {"in_channels": 3},
            r"no features of pictures \(2, 3, 16, 16\).*check image_size and in_ch",
        ),
        (lambda: Chancy().eval(), {}, "Chancy draws random numbers in its forward pass"),
        (Counting, {}, "Counting changes seen in its forward pass"),
        (lambda: Twice(2), {}, "norm runs 2 times"),
        (lambda: Twice(0), {}, "norm runs 0 times"),
        (
            lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.InstanceNorm2d(3, track_running_stats=True)),
            {},
            "1 keeps running",
        ),
        (lambda: nn.Sequential(nn.LazyConv2d(3, 3)), {}, "lazy layers"),
        (lambda: nn.Dropout(), {}, "the module is a Dropout"),
    ],
)
def test_what_cannot_be_wrapped_is_answered_with_the_cause(module, options, answer):
    with pytest.raises(ValueError, match=answer):
        nets.wrap(module(), **{"image_size": 16, "in_channels": 1} | options)


def test_a_wrapped_resnet_keeps_its_weights():
    torch.manual_seed(0)
    module = resnet18()
    net = nets.wrap(module, image_size=32)
    assert net.out_features == 1000
    assert torch.equal(net.module.layer1[0].bn1.weight, module.layer1[0].bn1.weight)
    assert sum(p.numel() for p in net.parameters()) == sum(p.numel() for p in module.parameters())
