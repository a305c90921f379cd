"""Reptile's direction, against gradients written by hand."""

import pytest
import torch
import torch.nn.functional as F
from small_learners import gradient, some_episodes
from torch import nn

from metalearn_course import nets
from metalearn_course.episode import LabelledSet
from metalearn_course.learners import Reptile

pytestmark = pytest.mark.usefixtures("float64")
RATE = 1e-3


class Smooth(nn.Module):
    """An embedding without ReLU: its Taylor expansion has no kinks."""

    def __init__(self):
        super().__init__()
        self.config, self.in_channels, self.image_size, self.out_features = {}, 1, 16, 5
        self.layer = nn.Linear(256, 5)

    def forward(self, x, stats=None, return_stats=False):
        features = (self.layer(x.flatten(1)) / 16).tanh()
        return (features, ()) if return_stats else features


def small(net=None, **options) -> Reptile:
    torch.manual_seed(1)
    settings = {"inner_lr": RATE, "inner_optimizer": "sgd", "inner_batch": 99, "inner_steps": 1, "test_steps": 2}
    return Reptile(net or nets.Conv4(image_size=16, hidden=4), 3, **(settings | options))


def direction(learner, episodes, noise=()):
    learner.zero_grad()
    learner.accumulate_gradient(episodes, noise)
    return list(gradient(learner).values())


def parameters(learner):
    return [p for p in learner.parameters() if p.requires_grad]


def loss(learner, x, y):
    return F.cross_entropy(learner.head(learner.net(x)), y)


def test_one_plain_step_on_the_whole_set_is_joint_training():
    learner, episodes = small(), some_episodes()
    found = direction(learner, episodes)
    joint = sum(loss(learner, x, y) for x, y in zip(*episodes.support)) / 3
    wanted = [RATE * g for g in torch.autograd.grad(joint, parameters(learner))]
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("steps", [2, 3])
def test_more_steps_add_the_products_of_minibatch_gradients_to_second_order(steps):
    """theta - phi = a sum_i g_i - a^2 sum_i sum_{j<i} H_i g_j + O(a^3) (section 5.1 of the paper).

    The mean of H_i g_j and H_j g_i is half the gradient of <g_i, g_j>: that is how Reptile learns to learn.
    So halving a must divide what the expansion leaves by eight, and what its first term leaves by four.
    """
    episodes, rest, first_rest = some_episodes(1, k_shot=4), [], []
    for rate in (0.4, 0.2):
        learner = small(Smooth(), inner_lr=rate, inner_steps=steps, inner_batch=12 // steps)
        noise = learner.noise_for(0, 0, [0])
        found = torch.cat([d.flatten() for d in direction(learner, episodes, noise)])
        support, theta = episodes.task(0).support, parameters(learner)
        batches = learner.minibatches(12, steps, noise[0])
        gradients = []
        for b in batches:
            g = torch.autograd.grad(loss(learner, support.x[b], support.y[b]), theta, create_graph=True)
            gradients.append(torch.cat([part.flatten() for part in g]))
        first = rate * sum(gradients)
        second = 0
        for i, g in enumerate(gradients):
            before = sum(gradients[:i]).detach() if i else torch.zeros_like(g)
            turned = torch.autograd.grad(g @ before, theta, retain_graph=True, allow_unused=True)
            second = second - rate**2 * torch.cat([t.flatten() for t in turned])
        first_rest.append((found - first).norm())
        rest.append((found - first - second).norm())
    assert rest[0] < 0.2 * first_rest[0]
    torch.testing.assert_close(first_rest[0] / first_rest[1], torch.tensor(4.0), rtol=0.1, atol=0)
    torch.testing.assert_close(rest[0] / rest[1], torch.tensor(8.0), rtol=0.1, atol=0)


def test_the_second_order_term_is_on_average_half_the_gradient_of_an_inner_product():
    learner, task = small(Smooth()), some_episodes(1, k_shot=4).task(0)
    theta = parameters(learner)
    gradients = []
    for b in (slice(0, None, 2), slice(1, None, 2)):
        g = torch.autograd.grad(loss(learner, task.support.x[b], task.support.y[b]), theta, create_graph=True)
        gradients.append(torch.cat([part.flatten() for part in g]))
    one, two = gradients
    turns = [torch.autograd.grad(a @ b.detach(), theta, retain_graph=True) for a, b in ((one, two), (two, one))]
    product = torch.autograd.grad(one @ two, theta)
    torch.testing.assert_close([sum(pair) for pair in zip(*turns)], list(product))


def test_the_inner_optimiser_is_pytorchs_adam_without_momentum():
    learner, task = small(inner_optimizer="adam", inner_lr=0.01, test_steps=5), some_episodes().task(0)
    phi = learner.adapt(task.support, norm="query").state.phi
    adam = torch.optim.Adam(parameters(learner), lr=0.01, betas=(0.0, 0.999))
    for _ in range(5):
        adam.zero_grad()
        loss(learner, *task.support).backward()
        adam.step()
    torch.testing.assert_close(phi["net"], dict(learner.net.named_parameters()), check_stride=False)
    torch.testing.assert_close(phi["head"], dict(learner.head.named_parameters()))


def test_a_task_is_adapted_to_the_same_after_any_other():
    """Adam's second moments belong to a task: batched or one after another, it gives the same phi."""
    learner, episodes = small(inner_optimizer="adam", inner_steps=3, inner_batch=2), some_episodes()
    noise = learner.noise_for(0, 0, range(3))
    together = direction(learner, episodes, noise)
    alone = [direction(learner, episodes.task(slice(i, i + 1)), noise[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, [sum(parts) / 3 for parts in zip(*alone)], rtol=1e-6, atol=1e-9)


def test_an_outer_step_of_sgd_moves_theta_towards_phi():
    learner, episodes = small(inner_steps=3), some_episodes(1)
    theta = {name: p.detach().clone() for name, p in learner.named_parameters() if p.requires_grad}
    phi = learner.adapt_state(episodes.task(0).support).phi
    phi = {f"{part}.{name}": p.detach() for part, tensors in phi.items() for name, p in tensors.items()}
    wanted = {name: p + 0.25 * (phi[name] - p) for name, p in theta.items()}
    learner.accumulate_gradient(episodes)
    torch.optim.SGD(parameters(learner), lr=0.25).step()
    assert wanted.keys() == phi.keys()
    torch.testing.assert_close({name: dict(learner.named_parameters())[name].detach() for name in wanted}, wanted)


def test_minibatches_go_through_the_set_in_random_order_again_and_again():
    learner = small(inner_batch=4, inner_steps=6, test_steps=6)
    noise = learner.noise_for(seed=0, step=0, tasks=[0, 1])
    batches = learner.minibatches(12, 6, noise[0])
    assert batches.shape == (6, 4)
    for epoch in (batches[:3], batches[3:]):
        assert sorted(epoch.flatten().tolist()) == list(range(12))
    assert not torch.equal(batches[:3], batches[3:])
    assert not torch.equal(batches, learner.minibatches(12, 6, noise[1]))
    assert learner.minibatches(3, 7).shape == (7, 3)  # a small set is one batch
    assert learner.minibatches(12, 100, noise[0]).shape == (100, 4)  # more steps than the noise was drawn for


def test_the_test_takes_more_steps_than_the_training():
    learner, task = small(inner_steps=1, test_steps=7, inner_lr=0.1), some_episodes().task(0)
    by_default = learner.adapt(task.support, norm="query").state.phi["head"]
    torch.testing.assert_close(by_default, learner.adapt(task.support, norm="query", steps=7).state.phi["head"])
    assert not torch.allclose(
        by_default["bias"], learner.adapt(task.support, norm="query", steps=1).state.phi["head"]["bias"]
    )


def test_wrong_options_and_sets_are_refused():
    for options, answer in (
        ({"inner_optimizer": "lion"}, "inner_optimizer='lion'"),
        ({"inner_batch": 0}, "inner_batch=0"),
        ({"inner_steps": -1}, "inner_steps=-1"),
    ):
        with pytest.raises(ValueError, match=answer):
            small(**options)
    with pytest.raises(ValueError, match="1025 pictures"):
        small().adapt(LabelledSet(torch.zeros(1025, 1, 16, 16), torch.arange(1025) % 3))
    with pytest.raises(ValueError, match="has 4 classes"):
        small().accumulate_gradient(some_episodes(n_way=4))
