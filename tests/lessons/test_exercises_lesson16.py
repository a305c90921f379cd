"""The exercises of lesson 16 accept what is right and refuse the mistakes that they are about."""

import torch

from metalearn_course.lessons import checks
from metalearn_course.lessons.exercises import lesson16


def test_a_gradient_step_may_be_written_with_weights_too():
    def with_weights(x, y, asked, rate):
        w = torch.zeros(x.shape[1], requires_grad=True)
        loss = (x @ w - y).square().mean() / 2
        return -rate * asked @ torch.autograd.grad(loss, w)[0]

    assert checks.check("16.1", with_weights).startswith("16.1: right")


def test_a_sum_instead_of_a_mean_and_a_softmax_are_refused():
    assert "not yet" in checks.check("16.1", lambda x, y, asked, rate: rate * (asked @ x.T) @ y)
    assert "not yet" in checks.check("16.1", lambda x, y, asked, rate: (rate * asked @ x.T).softmax(-1) @ y)


def test_any_renaming_will_do_that_moves_every_class():
    assert checks.check("16.2", lambda y, n_way: (y - 1) % n_way).startswith("16.2: right")
    assert "not yet" in checks.check("16.2", lambda y, n_way: y)
    assert "not yet" in checks.check("16.2", lambda y, n_way: n_way - 1 - y)  # the middle class keeps its name
    assert "not yet" in checks.check("16.2", lambda y, n_way: y + 1)  # a label too many
    assert "not yet" in checks.check("16.2", lambda y, n_way: y.roll(1))  # pictures of a class are torn apart


def test_queries_that_tell_nothing_must_be_left_out():
    def all_of_them(answers, context, memory):
        shares = [(answers == kind).float().mean() for kind in (context, memory)]
        return torch.stack([*shares, 1 - sum(shares)])

    assert "not yet" in checks.check("16.3", all_of_them)
    assert checks.check("16.3", lesson16.follows).startswith("16.3: right")
