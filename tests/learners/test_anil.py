"""ANIL: MAML with the head alone adapted."""

import pytest
import torch
import torch.nn.functional as F
from small_learners import gradient, some_episodes

from metalearn_course import nets
from metalearn_course.learners import ANIL, MAML

pytestmark = pytest.mark.usefixtures("float64")


def small(kind=ANIL, **options):
    torch.manual_seed(1)
    return kind(nets.Conv4(image_size=16, hidden=4), **({"n_way": 3, "inner_lr": 0.3, "inner_steps": 2} | options))


def test_the_body_stays_where_it_is_and_the_head_moves():
    learner, task = small(), some_episodes().task(0)
    phi = learner.adapt(task.support).state.phi
    assert all(torch.equal(phi["net"][name], p) for name, p in learner.net.named_parameters())
    assert not torch.allclose(phi["head"]["weight"], learner.head.weight)


@pytest.mark.parametrize("first_order", [False, True])
def test_the_meta_gradient_equals_a_reference_written_by_hand(first_order):
    """The outer gradient reaches the body through the queries and, to second order, through the head's steps."""
    learner, episodes = small(first_order=first_order), some_episodes(1)
    learner.accumulate_gradient(episodes)
    found, task = gradient(learner), episodes.task(0)
    learner.zero_grad()
    weight, bias, features = learner.head.weight, learner.head.bias, learner.net(task.support.x)
    for _ in range(2):
        inner = F.cross_entropy(features @ weight.T + bias, task.support.y)
        steps = torch.autograd.grad(inner, (weight, bias), create_graph=True)
        steps = [s.detach() for s in steps] if first_order else steps
        weight, bias = weight - 0.3 * steps[0], bias - 0.3 * steps[1]
    F.cross_entropy(learner.net(task.query.x) @ weight.T + bias, task.query.y).backward()
    torch.testing.assert_close(found, gradient(learner))


def test_it_is_maml_whose_body_has_a_rate_of_zero():
    anil, maml = small(), small(MAML, lr_per_parameter=True)
    with torch.no_grad():
        maml.inner_lr[:, :-2] = 0
    episodes = some_episodes()
    torch.testing.assert_close(anil.losses(episodes), maml.losses(episodes))


def test_the_features_of_the_support_set_are_computed_once(monkeypatch):
    learner, calls = small(inner_steps=5), []
    forward = learner.net.forward
    monkeypatch.setattr(learner.net, "forward", lambda *args, **kwargs: calls.append(1) or forward(*args, **kwargs))
    learner.adapt_state(some_episodes().task(0).support)
    assert len(calls) == 1


def test_rates_are_learned_for_the_head_alone():
    learner = small(lr_per_parameter=True, lr_per_step=True)
    assert learner.rate_names == ["head.weight", "head.bias"] and learner.inner_lr.shape == (2, 2)
    learner.accumulate_gradient(some_episodes())
    assert (learner.inner_lr.grad != 0).all()
