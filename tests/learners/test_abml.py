"""ABML's mathematics, in float64 on a small net."""

import gc

import pytest
import torch
import torch.nn.functional as F
from small_learners import some_episodes
from torch.func import functional_call, grad
from torch.utils._pytree import tree_leaves, tree_map

from metalearn_course import functional, nets
from metalearn_course.learners import ABML, ANIL, MAML, Reptile, bayes

pytestmark = pytest.mark.usefixtures("float64")
SIGMA = 0.1  # deviation of the weights where a test wants one that can be seen


def small(kind=ABML, **options):
    torch.manual_seed(1)
    if kind is ABML:
        options = {"init_log_var": 2 * torch.tensor(SIGMA).log().item()} | options
    return kind(nets.Conv4(image_size=16, hidden=4), **({"n_way": 3, "inner_lr": 0.3} | options))


def noise_of(learner, n_tasks=3, zero=False):
    noise = learner.noise_for(0, 0, range(n_tasks))
    return tree_map(torch.zeros_like, noise) if zero else noise


def test_the_kl_is_that_of_torch_and_of_monte_carlo():
    g = torch.Generator().manual_seed(0)
    mean, log_var, other_mean, other_log_var = torch.randn(4, 3, 5, generator=g)
    kl = functional.gaussian_kl(mean, log_var, other_mean, other_log_var)
    q = torch.distributions.Normal(mean, (log_var / 2).exp())
    p = torch.distributions.Normal(other_mean, (other_log_var / 2).exp())
    torch.testing.assert_close(kl, torch.distributions.kl_divergence(q, p).sum(-1))
    x = mean + (log_var / 2).exp() * torch.randn(100_000, 3, 5, generator=g)
    ratios = (q.log_prob(x) - p.log_prob(x)).sum(-1)
    assert ((ratios.mean(0) - kl).abs() < 4 * ratios.std(0) / len(x) ** 0.5).all()


def test_the_kl_and_its_gradient_are_zero_at_the_prior():
    theta = small().theta()
    assert bayes.kl(theta, theta) == 0
    slopes = grad(bayes.kl)(tree_map(torch.Tensor.detach, theta), theta)
    assert all(torch.equal(slope, torch.zeros_like(slope)) for slope in tree_leaves(slopes))


def estimates(draw, n=3000):
    """Mean over the minibatch and its gradient, for many draws: (n,), (n, D)."""
    outputs, slopes = zip(*(draw(torch.Generator().manual_seed(i)) for i in range(n)))
    return torch.stack(outputs), torch.stack(slopes)


def compare(shared, own):
    """Both estimate the same mean; the gradient of the second varies less."""
    (a, da), (b, db) = estimates(shared), estimates(own)
    for one, other in ((a, b), (da, db)):
        error = ((one.var(0) + other.var(0)) / len(a)).sqrt()
        assert ((one.mean(0) - other.mean(0)).abs() < 5 * error + 1e-9).all()
    return da.var(0).sum() / db.var(0).sum()


def test_flipout_estimates_the_same_with_a_less_noisy_gradient():
    g = torch.Generator().manual_seed(0)
    x, mean = torch.rand(12, 2, 5, 5, generator=g), 0.3 * torch.randn(3, 2, 3, 3, generator=g)  # ink is positive

    def draw(flip):
        def one(g):
            std = torch.full_like(mean, 0.3, requires_grad=True)
            delta = std * torch.randn(mean.shape, generator=g)
            signs = [2.0 * torch.randint(0, 2, (12, n), generator=g) - 1 for n in (2, 3)]
            signs = signs if flip else [torch.ones_like(sign) for sign in signs]
            out = functional.flipout_conv2d(x, mean, delta, *signs, (1, 1)).tanh().mean()
            return out.detach(), torch.autograd.grad(out, std)[0].flatten()

        return one

    assert compare(draw(False), draw(True)) > 2


def test_local_reparameterisation_estimates_the_same_with_a_less_noisy_gradient():
    g = torch.Generator().manual_seed(0)
    x, weight, bias = torch.rand(12, 4, generator=g), 0.3 * torch.randn(3, 4, generator=g), torch.zeros(3)

    def shared(g):
        std = torch.full((3, 4), 0.3, requires_grad=True)
        w = weight + std * torch.randn(3, 4, generator=g)
        out = F.linear(x, w, bias + 0.3 * torch.randn(3, generator=g)).tanh().mean()
        return out.detach(), torch.autograd.grad(out, std)[0].flatten()

    def own(g):
        std = torch.full((3, 4), 0.3, requires_grad=True)
        noise = torch.randn(12, 3, generator=g)
        out = functional.local_linear(x, weight, bias, std, torch.full((3,), 0.3), noise).tanh().mean()
        return out.detach(), torch.autograd.grad(out, std)[0].flatten()

    assert compare(shared, own) > 2


@pytest.mark.parametrize("steps, inner_kl", [(1, 1.0), (3, 0.0)])
def test_without_variance_the_inner_loop_is_mamls(steps, inner_kl):
    """One step from the prior feels no KL; further ones none if it has no weight."""
    abml, maml = small(init_log_var=-80.0, inner_kl=inner_kl, inner_steps=steps), small(MAML, inner_steps=steps)
    support = some_episodes().task(0).support
    *_, found = abml.trajectory(support, steps)
    *_, expected = maml.trajectory(support, steps)
    torch.testing.assert_close({part: found[part] for part in expected}, expected)


def test_without_variance_the_meta_gradient_is_mamls_on_support_and_query():
    abml, maml = small(init_log_var=-80.0, inner_kl=0.0, kl_weight=0.0, prior_weight=0.0), small(MAML)
    task = some_episodes(1).task(0)
    abml.task_loss(task).backward()
    x, y = (torch.cat(parts) for parts in zip(*task[:2]))
    state = maml.adapt_state(task.support)
    F.cross_entropy(maml.logits(state, x), y).backward()
    for part in ("net", "head"):
        for a, b in zip(getattr(abml, part).parameters(), getattr(maml, part).parameters()):
            torch.testing.assert_close(a.grad, b.grad)


def test_later_steps_are_pulled_back_to_the_prior():
    """mu <- mu - alpha (gradient of the mean loss + beta (mu - mu_0) / sigma_0^2), beta = inner_kl / M."""
    learner, support = small(inner_steps=3, inner_kl=0.05), some_episodes().task(0).support
    theta = tree_map(torch.Tensor.detach, learner.theta())
    mu = {part: dict(theta[part]) for part in ("net", "head")}

    def loss(mu):
        features = functional_call(learner.net, mu["net"], (support.x,))
        return F.cross_entropy(F.linear(features, mu["head"]["weight"], mu["head"]["bias"]), support.y)

    for _ in range(3):
        slopes = grad(loss)(mu)
        for part, name in [(each, name) for each in mu for name in mu[each]]:
            random = part == "head" or name.endswith("conv.weight")
            pull = 0.05 / len(support.y) * (mu[part][name] - theta[part][name]) / SIGMA**2 * random
            mu[part][name] = mu[part][name] - 0.3 * (slopes[part][name] + pull)
    noise = tree_map(lambda tensor: tensor[0], noise_of(learner, zero=True))
    *_, phi = learner.trajectory(support, 3, noise=noise)
    torch.testing.assert_close({part: phi[part] for part in mu}, mu)


@pytest.mark.parametrize("norm", ["query", "support"])
def test_the_meta_gradient_equals_finite_differences(norm):
    options = dict(inner_steps=2, inner_kl=0.1, kl_weight=0.1, prior_weight=0.1, lr_per_parameter=True)
    learner, episodes = small(norm=norm, **options), some_episodes(2)
    noise, parameters = noise_of(learner, 2), list(learner.parameters())
    learner.accumulate_gradient(episodes, noise)
    slopes, epsilon = [p.grad for p in parameters], 1e-8
    assert all(slope is not None for slope in slopes)  # of variances and inner rates too
    for seed in range(3):
        g = torch.Generator().manual_seed(seed)
        direction, values = [torch.randn(p.shape, generator=g) for p in parameters], []
        for sign in (1, -2, 1):
            with torch.no_grad():
                for p, d in zip(parameters, direction):
                    p += sign * epsilon * d
                values.append(learner.losses(episodes, noise).mean() + learner.hyper_prior())
        along = sum((slope * d).sum() for slope, d in zip(slopes, direction))
        torch.testing.assert_close((values[0] - values[1]) / (2 * epsilon), along, rtol=1e-4, atol=1e-5)


def test_the_hyper_prior_is_the_density_of_torchs_distributions():
    learner = small(kl_weight=0.5, prior_weight=0.1)
    normal, gamma = torch.distributions.Normal(0.0, 1.0), torch.distributions.Gamma(1.0, 0.01)

    def expected():
        theta = learner.theta()
        density = sum(normal.log_prob(mean).sum() for mean in bayes.means(theta))
        return -density - sum(gamma.log_prob((-log_var).exp()).sum() for log_var in theta["log_var"].values())

    before = learner.hyper_prior(), expected()
    with torch.no_grad():
        for p in learner.parameters():
            p += 0.01
    torch.testing.assert_close(learner.hyper_prior() - before[0], 0.5 * 0.1 * (expected() - before[1]))


def test_the_hyper_prior_counts_once_a_step_and_not_in_the_losses():
    episodes, with_prior, without = some_episodes(), small(kl_weight=0.5), small(kl_weight=0.5, prior_weight=0.0)
    noise = noise_of(without)
    with_prior.config["prior_weight"] = 0.1
    losses = [each.accumulate_gradient(episodes, noise, chunk_size=2) for each in (with_prior, without)]
    assert torch.equal(*losses)
    slopes = torch.autograd.grad(with_prior.hyper_prior(), list(with_prior.log_var_tenths))
    for slope, a, b in zip(slopes, with_prior.log_var_tenths, without.log_var_tenths):
        torch.testing.assert_close(a.grad - b.grad, slope)


def test_a_step_of_adam_moves_a_variance_by_a_share_of_itself_and_more():
    """In tenths, so that some hundred steps of the usual rate can take it through orders of magnitude."""
    learner = small()
    before = torch.cat([log_var.flatten() for log_var in learner.theta()["log_var"].values()]).detach()
    stepper = torch.optim.Adam(learner.parameters(), lr=1e-3)
    learner.accumulate_gradient(some_episodes(), noise_of(learner))
    stepper.step()
    after = torch.cat([log_var.flatten() for log_var in learner.theta()["log_var"].values()])
    torch.testing.assert_close((after - before).abs().median(), torch.tensor(0.01), rtol=0.05, atol=0)


def test_every_tensor_has_a_rate_of_its_own():
    """One that is named after it, and in the order in which the inner loop meets the tensors."""
    learner = small(lr_per_parameter=True, inner_kl=1.0)
    theta = learner.theta()
    support = some_episodes().task(0).support
    assert learner.inner_lr.shape == (1, len(learner.rate_names)) == (1, len(tree_leaves(theta)))
    still = learner.rate_names.index("log_var.net.blocks.1.conv.weight")
    with torch.no_grad():
        learner.inner_lr[0, still] = 0
    *_, phi = learner.trajectory(support, 1)
    moved = {name: not torch.equal(phi["log_var"][name], theta["log_var"][name]) for name in theta["log_var"]}
    assert [name for name, moves in moved.items() if not moves] == ["net.blocks.1.conv.weight"]


def test_it_starts_where_a_maml_ended():
    """With hardly any variance it then does what that MAML does."""
    maml, task = small(MAML, lr_per_parameter=True, inner_lr=0.2), some_episodes().task(0)
    abml = small(lr_per_parameter=True, init_log_var=-80.0)
    with torch.no_grad():
        for p in maml.parameters():
            p *= 0.9
    abml.start_from(maml)
    logits = abml.adapt(task.support)(task.query.x)
    torch.testing.assert_close(logits, maml.adapt(task.support)(task.query.x).log_softmax(-1))
    wider = ABML(nets.Conv4(image_size=16, hidden=4), n_way=5, lr_per_parameter=True)
    for other in (maml, small(ANIL, lr_per_parameter=True), small(Reptile)):
        wider.start_from(other)  # the net alone
        abml.start_from(other)
        torch.testing.assert_close(wider.net.state_dict(), other.net.state_dict())


def test_every_pass_has_noise_of_its_own_also_at_test():
    learner, passes = small(inner_steps=1, test_steps=3), []
    learner._sampled, plain = (lambda *args: passes.append(args[3]) or plain(*args)), learner._sampled
    learner.adapt(some_episodes().task(0).support)
    learner.task_loss(some_episodes(1).task(0))
    assert passes == [0, 1, 2, 0, -1]
    noise = learner.draw_noise(torch.Generator().manual_seed(0))
    assert all(len(tensor) == 4 and not torch.equal(tensor[0], tensor[-1]) for tensor in noise.values())


def test_a_prediction_is_the_mean_of_the_draws_probabilities():
    learner, task = small(test_samples=4), some_episodes().task(0)
    predict = learner.adapt(task.support)
    each = learner.draw_logits(predict.state, task.query.x).softmax(-1)
    assert each.shape == (4, 12, 3) and each.std(0).max() > 1e-3
    torch.testing.assert_close(predict(task.query.x).exp(), each.mean(0))
    torch.testing.assert_close(predict(task.query.x).softmax(-1), each.mean(0))


def test_fewer_draws_are_the_first_and_none_is_the_mean():
    learner, task = small(test_samples=4), some_episodes().task(0)
    every, two, mean = (learner.adapt(task.support, samples=n).state for n in (None, 2, 0))
    torch.testing.assert_close(two.draws, every.draws[:2])
    assert len(mean.draws) == 1
    torch.testing.assert_close(bayes.means(mean.draws[0]), bayes.means(mean.phi))


def test_the_draws_of_weights_have_the_posteriors_mean_and_variance():
    learner = small(test_samples=2000)
    means = torch.cat([mean.flatten() for mean in bayes.means(learner.theta())])
    state = learner.adapt(some_episodes().task(0).support, steps=0).state
    weights = torch.stack([torch.cat([w.flatten() for w in bayes.means(drawn)]) for drawn in state.draws])
    assert ((weights.mean(0) - means).abs() < 5 * SIGMA / 2000**0.5).all()
    torch.testing.assert_close(weights.var(0).mean(), torch.tensor(SIGMA**2), rtol=0.01, atol=0)


def test_nothing_is_kept_of_the_tasks_seen():
    learner = small()

    def tensors_after(n_tasks):
        episodes = some_episodes(n_tasks)
        learner.accumulate_gradient(episodes, noise_of(learner, n_tasks), chunk_size=2)
        del episodes
        gc.collect()
        return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())

    tensors_after(2)
    assert tensors_after(12) == tensors_after(2)


def test_wrong_options_and_too_many_pictures_are_refused():
    with pytest.raises(ValueError, match="test_samples"):
        small(test_samples=0)
    with pytest.raises(ValueError, match="negative"):
        small(kl_weight=-1.0)
    with pytest.raises(TypeError, match="written for the blocks of nets.Conv4"):
        ABML(torch.nn.Linear(3, 3), 3)
    learner, task = small(), some_episodes(1, n_query=100).task(0)
    with pytest.raises(ValueError, match="256 at most"):
        learner.task_loss(task)
