"""The exercises of lesson 07 accept what is right and refuse the mistakes that they are about."""

import torch

from metalearn_course.lessons import checks


def test_selecting_by_label_does_not_run_inside_vmap():
    def by_selection(features, y, queries, n_way):
        means = torch.stack([features[y == c].mean(0) for c in range(n_way)])
        return -torch.cdist(queries, means).square()

    assert "raised RuntimeError" in checks.check("7.1", by_selection)


def test_equal_shots_may_not_be_assumed():
    def by_position(features, y, queries, n_way):
        means = features.view(n_way, -1, features.shape[1]).mean(1)
        return -torch.cdist(queries, means).square()

    assert "not yet" in checks.check("7.1", by_position)


def test_the_unsquared_distance_is_refused_and_masks_are_as_good_as_one_hot():
    def unsquared(features, y, queries, n_way):
        return -masked(features, y, queries, n_way).neg().sqrt()

    def masked(features, y, queries, n_way):
        means = [(features * (y == c).unsqueeze(1)).sum(0) / (y == c).sum() for c in range(n_way)]
        return -(queries.unsqueeze(1) - torch.stack(means)).square().sum(-1)

    assert "not yet" in checks.check("7.1", unsquared)
    assert checks.check("7.1", masked).startswith("7.1: right")


def test_a_fixed_share_for_the_newcomer_is_refused_and_a_loop_is_as_good():
    def half(prototypes, counts, features, y):
        prototypes, counts = prototypes.clone(), counts.clone()
        for f, c in zip(features, y):
            prototypes[c] = (prototypes[c] + f) / 2
            counts[c] += 1
        return prototypes, counts

    def loop(prototypes, counts, features, y):
        prototypes, counts = prototypes.clone(), counts.clone()
        for f, c in zip(features, y):
            counts[c] += 1
            prototypes[c] += (f - prototypes[c]) / counts[c]
        return prototypes, counts

    assert "not yet" in checks.check("7.2", half)
    assert checks.check("7.2", loop).startswith("7.2: right")


def test_the_gradient_at_the_wrong_point_is_refused():
    def at_x(generator, x, p):
        return generator(x) - generator(p) - torch.func.grad(generator)(x) @ (x - p)

    assert "not yet" in checks.check("7.3", at_x)
