import pytest
import torch
import torch.nn.functional as F

from metalearn_course import functional, nets

SIZES = [(1, 28, "stride", 256), (1, 28, "max", 64), (3, 32, "stride", 256), (3, 32, "max", 256)]
SIZES += [(3, 84, "stride", 2304), (3, 84, "max", 1600)]


@pytest.mark.parametrize(("channels", "size", "downsample", "features"), SIZES)
def test_features_have_the_size_that_the_net_says(channels, size, downsample, features):
    net = nets.Conv4(channels, size, downsample=downsample)
    assert net.out_features == features
    assert net(torch.rand(2, channels, size, size)).shape == (2, features)


@pytest.mark.parametrize("downsample", ["stride", "max"])
def test_batch_statistics_equal_torch_batch_norm(downsample):
    net, x = nets.Conv4(hidden=4, downsample=downsample).double(), torch.rand(3, 1, 28, 28, dtype=torch.float64)
    expected = x
    for block in net.blocks:
        expected = F.batch_norm(block.shrink(expected), None, None, block.norm.weight, block.norm.bias, training=True)
        expected = F.relu(expected)
    torch.testing.assert_close(net(x), expected.flatten(1))


def test_normalisation_agrees_with_pytorchs_own_in_value_and_second_derivative():
    x = torch.rand(6, 3, 5, 5, dtype=torch.float64)
    weight, bias = torch.rand(2, 3, dtype=torch.float64)

    def slope_of_slope(weight, norm):
        inner = torch.func.grad(lambda x: norm(x, weight, bias).pow(3).sum())
        return norm(x, weight, bias).sum() + inner(x).pow(2).sum()

    def reference(x, weight, bias):
        return F.batch_norm(x, None, None, weight, bias, training=True)

    for function in (slope_of_slope, torch.func.grad(slope_of_slope)):
        torch.testing.assert_close(function(weight, functional.batch_norm), function(weight, reference))


def test_statistics_measured_and_handed_back_give_the_same_features():
    net, x = nets.Conv4(hidden=4).double(), torch.rand(5, 1, 28, 28, dtype=torch.float64)
    features, stats = net(x, return_stats=True)
    torch.testing.assert_close(features, net(x))
    torch.testing.assert_close(net(x, stats), features)
    torch.testing.assert_close(net(x[:1], stats), features[:1])


def test_gradients_flow_through_given_statistics():
    net, x = nets.Conv4(hidden=4), torch.rand(5, 1, 28, 28)
    _, stats = net(x, return_stats=True)
    net(torch.rand(2, 1, 28, 28), stats).sum().backward()
    with_stats = net.blocks[0].conv.weight.grad.clone()
    net.zero_grad()
    net(torch.rand(2, 1, 28, 28), [(m.detach(), v.detach()) for m, v in stats]).sum().backward()
    assert not torch.allclose(with_stats, net.blocks[0].conv.weight.grad)


def test_a_net_keeps_no_running_statistics():
    assert not list(nets.Conv4().buffers())


def test_a_single_picture_is_enough():
    assert nets.Conv4(downsample="max")(torch.rand(1, 1, 28, 28)).isfinite().all()


def test_bad_input_is_answered_with_what_to_do():
    with pytest.raises(ValueError, match="'stride' or 'max'"):
        nets.Conv4(downsample="mean")
    with pytest.raises(ValueError, match="16 or more"):
        nets.Conv4(image_size=8, downsample="max")


@pytest.mark.parametrize("net", [nets.Conv4(3, 32), nets.MamlNet(3, 8, 32)])
def test_every_net_of_the_registry_says_what_it_takes_and_can_be_made_anew(net):
    assert isinstance(net, nets.Embedding) and (net.in_channels, net.image_size) == (3, 32)
    assert {"in_channels", "image_size"} <= net.config.keys()
    again = nets.NETS[type(net).__name__](**net.config)
    assert again.config == net.config and again.out_features == net.out_features
