"""The exercises of lesson 08 accept what is right and refuse the mistakes that they are about."""

import torch

from metalearn_course.lessons import checks


def test_a_judge_may_loop_but_not_compare_with_single_pictures_or_divide_by_classes_only():
    def by_loop(drawn, real):
        means = real.mean(1)
        right = [(row - means).norm(dim=1).argmin() == c for c, rows in enumerate(drawn) for row in rows]
        return sum(right) / torch.tensor(float(len(right)))

    def nearest_picture(drawn, real):
        nearest = torch.cdist(drawn.flatten(0, 1), real.flatten(0, 1)).argmin(1) // real.shape[1]
        return (nearest == torch.arange(len(drawn)).repeat_interleave(drawn.shape[1])).float().mean()

    def of_the_first(drawn, real):
        return (torch.cdist(drawn[:, 0], real.mean(1)).argmin(1) == torch.arange(len(drawn))).float().mean()

    assert checks.check("8.1", by_loop).startswith("8.1: right")
    for wrong in (nearest_picture, of_the_first):
        assert "not yet" in checks.check("8.1", wrong)


def test_a_bound_that_underflows_is_refused():
    assert "not yet" in checks.check("8.2", lambda log_weights: log_weights.exp().mean(0).log())


def test_a_mean_over_pictures_instead_of_weights_is_refused():
    def by_pictures(logits, y, n_real, weight):
        counts = torch.ones(len(y))
        counts[n_real:] = weight
        return (counts * torch.nn.functional.cross_entropy(logits, y, reduction="none")).mean()

    assert "not yet" in checks.check("8.3", by_pictures)
