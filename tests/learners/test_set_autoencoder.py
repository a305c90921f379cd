"""The autoencoder of sets: its bounds against each other, and what its class vectors carry."""

import pytest
import torch
from small_vilm import blocks

from metalearn_course.episode import LabelledSet
from metalearn_course.functional import prototypes
from metalearn_course.learners.set_autoencoder import Gaussian, SetVAE

SIZES = dict(image_size=16, hidden=32, c_size=6, z_size=4)


def small() -> SetVAE:
    torch.manual_seed(0)
    return SetVAE(**SIZES)


def noise(n_way, n_target, draws=(), seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*draws, n_way, 6, generator=g), torch.randn(*draws, n_target, 4, generator=g)


@pytest.fixture(scope="module")
def trained() -> SetVAE:
    """Trained for a few seconds on classes that are easy to tell apart."""
    model, train = small(), blocks()
    adam = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(400):
        task = train.sample_tasks(0, step, [0]).task(0)
        loss = -model.elbo(task.support, task.query, 5, *noise(5, 20, seed=step), class_size=20).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def task():
    """Of training classes: few as they are, the model knows these alone."""
    return blocks().sample_tasks(9, 0, [0]).task(0)


def test_the_statistic_does_not_depend_on_the_order_of_the_pictures(task, float64):
    model, (x, y) = small(), task.support
    x, order = x.double(), torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    one = model.classes(LabelledSet(x, y), 5)
    torch.testing.assert_close(model.classes(LabelledSet(x[order], y[order]), 5), one)
    twice = model.classes(LabelledSet(torch.cat([x, x]), torch.cat([y, y])), 5)
    torch.testing.assert_close(twice, one)  # any number of pictures
    lone = model.classes(LabelledSet(torch.cat([x, x[:1]]), torch.cat([y, y[:1]])), 5)  # unequal shots
    assert not torch.allclose(lone.mean[0], one.mean[0])
    torch.testing.assert_close(lone.mean[1:], one.mean[1:])


def test_the_kl_terms_are_those_of_torch_and_of_monte_carlo():
    g = torch.Generator().manual_seed(0)
    q = Gaussian(*torch.randn(2, 3, 5, generator=g))
    own, prior = torch.distributions.Normal(q.mean, (q.log_var / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    torch.testing.assert_close(q.kl(), torch.distributions.kl_divergence(own, prior).sum(-1))
    drawn = q.draw(torch.randn(50_000, 3, 5, generator=g))
    ratios = -q.log_ratio(drawn)
    torch.testing.assert_close(ratios, (own.log_prob(drawn) - prior.log_prob(drawn)).sum(-1), rtol=1e-4, atol=1e-4)
    assert ((ratios.mean(0) - q.kl()).abs() < 4 * ratios.std(0) / len(drawn) ** 0.5).all()


def test_the_elbo_lies_below_the_importance_weighted_bound_of_the_same_set(trained, task):
    """With one draw they have the same mean, and the bound rises with the draws."""
    support, query = task.support, task.query
    c_noise, z_noise = noise(5, 20, (200,), seed=3)
    pairs = list(zip(c_noise, z_noise))
    elbos = [trained.elbo(support, query, 5, *pair, class_size=4).view(5, 4).sum(1) for pair in pairs]
    singles = [trained.importance_bound(support, query, 5, *(part[None] for part in pair)) for pair in pairs]
    elbos, singles = torch.stack(elbos), torch.stack(singles)  # (200, classes)
    gap = elbos - singles
    assert (gap.mean(0).abs() < 4 * gap.std(0) / len(gap) ** 0.5).all()
    bounds = [
        torch.stack([trained.importance_bound(support, query, 5, c, z) for c, z in zip(*parts)]).mean(0)
        for parts in ((c_noise.split(10), z_noise.split(10)), (c_noise[None], z_noise[None]))
    ]
    assert (elbos.mean(0) < bounds[0]).all() and (bounds[0] < bounds[1]).all()


def nearest(x, task):
    """The class whose mean query picture is nearest: pixels judge, which the model never used."""
    centres = prototypes(task.query.x.flatten(1), task.query.y, 5)
    return torch.cdist(x.flatten(1), centres).argmin(1)


def test_swapping_c_swaps_the_class_that_is_drawn(trained, task):
    c, z = trained.classes(task.support, 5).mean, noise(5, 40, seed=7)[1].view(5, 8, 4)
    y = torch.arange(5).repeat_interleave(8)
    for swap in (torch.arange(5), torch.tensor([3, 0, 4, 1, 2])):
        agreement = (nearest(trained.generate(c[swap][y], z.flatten(0, 1)), task) == swap[y]).float().mean()
        assert agreement > 0.8  # of five classes


def test_pictures_are_in_0_to_1_and_vary_with_z(trained, task):
    c, z = trained.classes(task.support, 5).mean, noise(5, 5, seed=7)[1]
    one, other = trained.generate(c, z), trained.generate(c, -z)
    assert one.shape == (5, 1, 16, 16) and one.min() >= 0 and one.max() <= 1
    assert (one - other).abs().amax((1, 2, 3)).min() > 0.001


def test_a_target_is_explained_better_by_its_own_class_than_by_another(trained, task):
    wrong = task.support._replace(y=(task.support.y + 1) % 5)
    right, other = (trained.elbo(s, task.query, 5, *noise(5, 20), class_size=10) for s in (task.support, wrong))
    assert right.mean() > other.mean() + 1
