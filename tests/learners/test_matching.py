"""Matching networks: attention over the support pictures, with and without their context."""

import pytest
import torch
import torch.nn.functional as F
from small_learners import some_episodes
from torch import nn

from metalearn_course import nets
from metalearn_course.episode import LabelledSet
from metalearn_course.functional import lstm_step
from metalearn_course.learners import MatchingNet
from metalearn_course.learners.matching import FullContext

pytestmark = pytest.mark.usefixtures("float64")


def small(**options) -> MatchingNet:
    torch.manual_seed(1)
    return MatchingNet(nets.Conv4(image_size=16, hidden=8), **({"n_way": 3, "norm": "support"} | options))


def attention(learner, task):
    predict = learner.adapt(task.support)
    features = learner.net(task.query.x, predict.state.stats)
    return learner.log_attention(predict.state, features).exp(), predict(task.query.x)


@pytest.mark.parametrize("fce", [False, True])
def test_attention_sums_to_one_and_adds_up_over_the_pictures_of_a_class(fce):
    learner, task = small(fce=fce), some_episodes(k_shot=3).task(0)
    weights, logits = attention(learner, task)
    torch.testing.assert_close(weights.sum(-1), torch.ones(len(task.query.y)))
    by_class = torch.stack([weights[:, task.support.y == c].sum(-1) for c in range(3)], -1)
    torch.testing.assert_close(logits.exp(), by_class)


def test_there_is_no_second_softmax():
    _, logits = attention(small(), some_episodes().task(0))
    torch.testing.assert_close(logits.log_softmax(-1), logits)


def test_attention_is_the_softmax_of_scaled_cosines():
    learner, task = small(scale=3.0), some_episodes().task(0)
    weights, _ = attention(learner, task)
    state = learner.adapt(task.support).state
    cosines = F.cosine_similarity(learner.net(task.query.x, state.stats).unsqueeze(1), state.memory, dim=-1)
    torch.testing.assert_close(weights, (3 * cosines).softmax(-1))


def test_the_papers_scale_caps_what_a_label_can_get():
    """A cosine is at most 1 and at least -1: with 20 pictures nothing is surer than e / (e + 19 / e)."""
    task = some_episodes(1, n_way=20, k_shot=1).task(0)
    fixed = small(n_way=20, scale=1.0, learn_scale=False)
    most = torch.tensor(1.0).exp() / (torch.tensor(1.0).exp() + 19 * torch.tensor(-1.0).exp())
    assert attention(fixed, task)[1].exp().max() <= most < 0.3
    assert attention(small(n_way=20, scale=100.0), task)[1].exp().max() > most
    assert not fixed.log_scale.requires_grad and small().log_scale.requires_grad


def test_a_class_that_gets_no_attention_has_a_finite_loss_and_gradient():
    learner = small(scale=1e4)
    losses = learner.accumulate_gradient(some_episodes())
    assert losses.isfinite().all() and losses.max() > 100  # log of a sum would have been log(0)
    assert all(p.grad.isfinite().all() for p in learner.parameters())


def turned(task, seed=0):
    order = torch.randperm(len(task.support.y), generator=torch.Generator().manual_seed(seed))
    return LabelledSet(task.support.x[order], task.support.y[order])


def test_the_order_of_the_support_set_matters_with_full_context_alone():
    task = some_episodes().task(0)
    for fce in (False, True):
        learner = small(fce=fce)
        found, wanted = (learner.adapt(support)(task.query.x) for support in (turned(task), task.support))
        assert torch.allclose(found, wanted, atol=1e-9) == (not fce)


def test_full_context_changes_what_is_compared():
    task, plain, full = some_episodes().task(0), small(), small(fce=True)
    full.net.load_state_dict(plain.net.state_dict())
    assert not torch.allclose(
        plain.adapt(task.support)(task.query.x), full.adapt(task.support)(task.query.x), atol=1e-3
    )


def test_a_memory_of_the_support_set_is_a_bidirectional_lstm_with_a_skip():
    context, features = FullContext(6, 1), torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    reference = nn.LSTM(6, 6, bidirectional=True)
    for suffix, cell in (("l0", context.forth), ("l0_reverse", context.back)):
        for name, p in cell.named_parameters():
            getattr(reference, f"{name}_{suffix}").data = p.data
    outputs, _ = reference(features)
    torch.testing.assert_close(context.support(features), outputs[:, :6] + outputs[:, 6:] + features)


def test_a_query_reads_the_memory_by_content():
    """Written out for two steps with PyTorch's own cell; the first reading is the memory's mean."""
    context, g = FullContext(6, 2), torch.Generator().manual_seed(0)
    x, memory = torch.randn(4, 6, generator=g), torch.randn(5, 6, generator=g)
    h, c = context.attend(torch.cat([x, memory.mean(0).expand(4, -1)], -1))
    h = h + x
    read = (h @ memory.T).softmax(-1) @ memory
    wanted = context.attend(torch.cat([x, read], -1), (h, c))[0] + x
    torch.testing.assert_close(context.queries(x, memory), wanted)
    torch.testing.assert_close(context.queries(x[:1], memory), wanted[:1])  # no query sees another
    torch.testing.assert_close(context.queries(x, memory.flip(0)), wanted)  # nor does it see the memory's order


def test_an_lstm_step_is_that_of_pytorch_under_vmap_too():
    g, cell = torch.Generator().manual_seed(0), nn.LSTMCell(3, 4)
    x, h, c = (torch.randn(2, 5, n, generator=g) for n in (3, 4, 4))
    found = torch.vmap(lambda x, h, c: lstm_step(cell, x, h, c))(x, h, c)
    for i in range(2):
        torch.testing.assert_close(tuple(part[i] for part in found), cell(x[i], (h[i], c[i])))


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="steps=0"):
        small(fce=True, steps=0)
    with pytest.raises(ValueError, match="scale=-1"):
        small(scale=-1.0)
