"""The transformer in context: what it reads, and what it must not see."""

import pytest
import torch
import torch.nn.functional as F
from helpers import samplers
from small_learners import some_episodes
from torch import nn

from metalearn_course import nets, training
from metalearn_course.episode import LabelledSet
from metalearn_course.functional import accuracy
from metalearn_course.learners import InContext
from metalearn_course.learners.incontext import Layer

pytestmark = pytest.mark.usefixtures("float64")


def small(**options) -> InContext:
    torch.manual_seed(1)
    learner = InContext(nets.Conv4(image_size=16, hidden=4), 3, **(dict(width=12, n_codes=8, layers=2) | options))
    torch.nn.init.normal_(learner.unknown)
    return learner


def test_the_order_of_the_support_set_changes_nothing(tolerance=1e-9):
    learner, task = small(norm="support"), some_episodes(k_shot=3).task(0)
    order = torch.randperm(len(task.support.y), generator=torch.Generator().manual_seed(0))
    turned = LabelledSet(task.support.x[order], task.support.y[order])
    found, wanted = (learner.adapt(support)(task.query.x) for support in (turned, task.support))
    torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance)


def test_the_order_of_the_support_set_changes_nothing_in_float32_either():
    torch.set_default_dtype(torch.float32)
    test_the_order_of_the_support_set_changes_nothing(tolerance=1e-5)


def test_labels_that_change_places_change_places_in_the_answer():
    """With the codes following them: a label means nothing beyond the support set."""
    learner, task = small(norm="support"), some_episodes(k_shot=2).task(0)
    names = torch.tensor([2, 0, 1])  # the class called i is called names[i]
    order = torch.arange(8)
    renamed = learner.adapt_state(
        LabelledSet(task.support.x, names[task.support.y]),
        n_way=3,
        noise={"order": torch.cat([order[names.argsort()], order[3:]])},
    )
    state = learner.adapt_state(task.support, n_way=3, noise={"order": order})
    found, wanted = (learner.logits(s, task.query.x) for s in (renamed, state))
    torch.testing.assert_close(found[:, names], wanted)


def test_attention_is_pytorchs():
    """One layer, beside torch's own multi-head attention with the same weights."""
    torch.manual_seed(0)
    layer, theirs = Layer(20, 4, alike=False), nn.MultiheadAttention(20, 4, bias=False)
    theirs.in_proj_weight.data = torch.cat([part.weight for part in (layer.query, layer.key, layer.value)])
    theirs.out_proj.weight.data = layer.out.weight.data
    support, tokens = torch.randn(6, 20), torch.randn(5, 20)
    known = layer.norm(support)
    read, weights = theirs(layer.norm(tokens), known, known, average_attn_weights=False)
    keys, values = layer.keys_and_values(support)
    torch.testing.assert_close(layer.attention(tokens, keys), weights)
    after = tokens + read
    torch.testing.assert_close(layer(tokens, keys, values), after + layer.think(layer.norm_think(after)))


def test_predictions_are_a_transformer_written_out_picture_by_picture():
    learner, task = small(norm="support", heads=2), some_episodes().task(0)
    order = torch.tensor([5, 2, 7, 0, 1, 3, 4, 6])
    state = learner.adapt_state(task.support, n_way=3, norm="support", noise={"order": order})
    features = learner.net(task.support.x)
    tokens = []
    for feature, label in zip(features, task.support.y):
        tokens.append(torch.cat([learner.read_in(feature), F.one_hot(order[label], 8).double()]))
    asked = learner.net(task.query.x[:1], state.stats)[0]
    token = torch.cat([learner.read_in(asked), learner.unknown])
    for layer in learner.layers:
        token, tokens = read(layer, token, tokens), [read(layer, t, tokens) for t in tokens]
    answer = learner.read_out(token)
    wanted = torch.stack([answer[order[c]] for c in range(3)])
    torch.testing.assert_close(learner.logits(state, task.query.x)[0], wanted)


def read(layer, token, tokens):
    """One token after it has read the others, head by head."""
    size, found = len(token) // layer.heads, []
    for h in range(layer.heads):
        rows = slice(h * size, (h + 1) * size)
        query = layer.query.weight[rows] @ layer.norm(token)
        keys = [layer.key.weight[rows] @ layer.norm(t) for t in tokens]
        values = [layer.value.weight[rows] @ layer.norm(t) for t in tokens]
        weights = torch.stack([query @ key / size**0.5 for key in keys]).softmax(0)
        found.append(sum(weight * value for weight, value in zip(weights, values)))
    token = token + layer.out.weight @ torch.cat(found)
    return token + layer.think(layer.norm_think(token))


def test_the_gradient_is_that_of_finite_differences():
    learner, episodes = small(), some_episodes()
    noise = learner.noise_for(0, 0, range(3))
    learner.accumulate_gradient(episodes, noise)
    for parameter in learner.parameters():
        direction, theta, values = torch.randn_like(parameter), parameter.data.clone(), []
        for step in (1e-6, -1e-6):
            parameter.data = theta + step * direction
            values.append(learner.losses(episodes, noise).mean().item())
        parameter.data = theta
        slope = (values[0] - values[1]) / 2e-6
        assert (parameter.grad * direction).sum().item() == pytest.approx(slope, rel=1e-3, abs=1e-7)


def test_each_task_has_codes_of_its_own_and_uses_no_code_twice():
    noise = small().noise_for(0, 0, range(50))["order"]
    assert len({tuple(order.tolist()) for order in noise}) == 50
    assert (noise.sort(-1).values == torch.arange(8)).all()


def test_other_codes_leave_the_accuracy_of_a_trained_learner_as_it_is():
    torch.set_default_dtype(torch.float32)
    learner, (train, _, test) = small(layers=1), samplers(n_query=4)
    training.fit(learner, train, 300, n_tasks=4, lr=0.005, progress=False)
    episodes, found = test.sample_tasks(0, 0, range(100)), []
    for seed in range(4):
        logits = learner.episode_logits(episodes, "running", learner.noise_for(seed, 0, range(100)))
        found.append(accuracy(logits, episodes.query.y).mean().item())
    assert min(found) > 0.55 and max(found) - min(found) < 0.03


def test_more_classes_than_codes_are_refused():
    with pytest.raises(ValueError, match="9 classes, but this InContext has codes for 8"):
        InContext(nets.Conv4(image_size=16, hidden=4), 9, width=12, n_codes=8)
    learner = small(norm="support")
    with pytest.raises(ValueError, match="10 classes"):
        learner.losses(some_episodes(n_way=10))
    with pytest.raises(ValueError, match="10 classes"):
        learner.adapt(some_episodes(n_way=10).task(0).support)
    assert learner.adapt(some_episodes(n_way=8).task(0).support)(torch.rand(2, 1, 16, 16)).shape == (2, 8)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="heads=3"):
        small(heads=3)


def test_keys_start_as_copies_of_queries_where_they_are_asked_to():
    alike, free = small(alike=True).layers[0], small(alike=False).layers[0]
    assert torch.equal(alike.key.weight, alike.query.weight) and alike.key.weight is not alike.query.weight
    assert not torch.equal(free.key.weight, free.query.weight)


def test_a_frozen_net_gets_no_gradient():
    learner = small(frozen=True)
    learner.accumulate_gradient(some_episodes(), learner.noise_for(0, 0, range(3)))
    assert all(p.grad is None for p in learner.net.parameters()) and learner.unknown.grad.any()


def test_attention_of_all_layers_sums_to_one():
    learner, task = small(norm="support"), some_episodes(k_shot=2).task(0)
    predict = learner.adapt(task.support)
    found = learner.attention(predict.state, learner.net(task.query.x, predict.state.stats))
    assert found.shape == (2, 4, 12, 6)
    torch.testing.assert_close(found.sum(-1), torch.ones(2, 4, 12))
