"""Prototypical networks: a mean a class, and why it is the mean."""

import pytest
import torch
import torch.nn.functional as F
from small_learners import some_episodes

from metalearn_course import nets
from metalearn_course.episode import LabelledSet
from metalearn_course.learners import ProtoNet

pytestmark = pytest.mark.usefixtures("float64")


def small(**options) -> ProtoNet:
    torch.manual_seed(1)
    return ProtoNet(nets.Conv4(image_size=16, hidden=8), **({"n_way": 3, "norm": "support"} | options))


def features_of(learner, state, x):
    return learner.net(x, state.stats or None)


def test_it_is_the_squared_distance_to_the_class_means_up_to_a_constant_a_query():
    learner, task = small(), some_episodes().task(0)
    predict = learner.adapt(task.support)
    known = features_of(learner, predict.state, task.support.x)
    means = torch.stack([known[task.support.y == c].mean(0) for c in range(3)])
    torch.testing.assert_close(predict.state.prototypes, means)
    asked = features_of(learner, predict.state, task.query.x)
    distances = -(asked.unsqueeze(1) - means).pow(2).sum(-1)
    logits = predict(task.query.x)
    torch.testing.assert_close(logits.softmax(-1), distances.softmax(-1))
    torch.testing.assert_close(logits, asked @ (2 * means).T - means.pow(2).sum(-1))  # w_c = 2 p_c, b_c = -|p_c|^2
    constant = logits - distances
    torch.testing.assert_close(constant, constant[:, :1].expand(-1, 3))


def test_the_squared_distance_is_not_the_distance():
    learner, task = small(), some_episodes().task(0)
    predict = learner.adapt(task.support)
    asked = features_of(learner, predict.state, task.query.x)
    plain = (-torch.cdist(asked, predict.state.prototypes)).softmax(-1)
    assert not torch.allclose(predict(task.query.x).softmax(-1), plain, atol=1e-3)


def test_cosine_scores_are_a_learned_factor_times_the_cosine():
    learner, task = small(distance="cosine", scale=4.0), some_episodes().task(0)
    predict = learner.adapt(task.support)
    asked = features_of(learner, predict.state, task.query.x)
    cosines = F.cosine_similarity(asked.unsqueeze(1), predict.state.prototypes, dim=-1)
    torch.testing.assert_close(predict(task.query.x), 4 * cosines)
    learner.accumulate_gradient(some_episodes())
    assert learner.log_scale.grad != 0


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_the_order_of_the_support_set_does_not_matter(distance):
    learner, task = small(distance=distance), some_episodes().task(0)
    order = torch.randperm(len(task.support.y), generator=torch.Generator().manual_seed(0))
    turned = LabelledSet(task.support.x[order], task.support.y[order])
    torch.testing.assert_close(learner.adapt(turned)(task.query.x), learner.adapt(task.support)(task.query.x))


def test_a_class_may_have_more_pictures_than_another():
    learner, task = small(), some_episodes(k_shot=3).task(0)
    keep = torch.tensor([0, 3, 4, 6, 7, 8])  # one, two and three pictures
    predict = learner.adapt(LabelledSet(task.support.x[keep], task.support.y[keep]))
    known = features_of(learner, predict.state, task.support.x[keep])
    torch.testing.assert_close(
        predict.state.prototypes, torch.stack([known[:1].mean(0), known[1:3].mean(0), known[3:].mean(0)])
    )


def test_training_may_have_more_classes_than_the_test():
    learner = small(n_way=6)
    losses = learner.accumulate_gradient(some_episodes(n_way=6))
    assert losses.isfinite().all()
    assert learner.episode_logits(some_episodes(n_way=2), "support").shape == (3, 8, 2)


def test_with_running_statistics_support_and_query_are_one_batch_in_training():
    learner, task = small(norm="running"), some_episodes().task(0)
    both = learner.net(torch.cat([task.support.x, task.query.x]))
    known, asked = both[:6], both[6:]
    means = torch.stack([known[task.support.y == c].mean(0) for c in range(3)])
    wanted = F.cross_entropy(-(asked.unsqueeze(1) - means).pow(2).sum(-1), task.query.y)
    torch.testing.assert_close(learner.task_loss(task), wanted)


def squared(x, z):
    return (x - z).pow(2).sum(-1)


def kullback_leibler(x, z):
    """The divergence of sum x log x, for positive vectors that need not add up to one."""
    return (x * (x / z).log() - x + z).sum(-1)


def distance(x, z):
    return squared(x, z).sqrt()


@pytest.mark.parametrize(("divergence", "is_bregman"), [(squared, True), (kullback_leibler, True), (distance, False)])
def test_the_mean_has_the_least_total_bregman_divergence(divergence, is_bregman):
    """Banerjee et al. 2005: so for these divergences, and not for the plain distance."""
    g = torch.Generator().manual_seed(0)
    points = torch.rand(7, 4, generator=g).pow(3) + 0.1
    mean = points.mean(0).requires_grad_()
    total = divergence(points, mean).sum()
    (slope,) = torch.autograd.grad(total, mean)
    assert (slope.abs().max() < 1e-9) == is_bregman
    others = mean + 0.05 * torch.randn(200, 4, generator=g)
    totals = divergence(points.unsqueeze(1), others).sum(0)
    assert bool((totals > total).all()) == is_bregman


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="distance='manhattan'"):
        small(distance="manhattan")
    with pytest.raises(ValueError, match="scale=0"):
        small(distance="cosine", scale=0)
