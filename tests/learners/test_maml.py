"""MAML's mathematics, in float64 on a small net."""

import pytest
import torch
import torch.nn.functional as F
from small_learners import some_episodes
from torch.func import functional_call

from metalearn_course import nets
from metalearn_course.episode import LabelledSet
from metalearn_course.learners import MAML

N_WAY, K_SHOT, N_QUERY = 3, 2, 4


@pytest.fixture(autouse=True)
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def small_maml(**options) -> MAML:
    torch.manual_seed(1)
    return MAML(nets.Conv4(image_size=16, hidden=4), **({"n_way": N_WAY, "inner_lr": 0.3} | options))


def gradient(learner) -> list[torch.Tensor]:
    return [p.grad.clone() for p in learner.parameters() if p.grad is not None]


def meta_gradient(learner, episodes) -> list[torch.Tensor]:
    learner.zero_grad()
    learner.losses(episodes).mean().backward()
    return gradient(learner)


def slope(learner, episodes, direction, epsilon=1e-8) -> torch.Tensor:
    """Derivative of the mean loss along a direction in theta, by central differences.

    The step is tiny because an inner gradient jumps where a ReLU switches: a longer one crosses such places.
    """
    parameters = [p for p in learner.parameters() if p.requires_grad]
    values = []
    for sign in (1, -2, 1):  # forth, back twice, forth again: theta ends where it began
        with torch.no_grad():
            for p, d in zip(parameters, direction):
                p += sign * epsilon * d
            values.append(learner.losses(episodes).mean())
    return (values[0] - values[1]) / (2 * epsilon)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("norm", ["query", "support"])
@pytest.mark.parametrize("head", ["linear", "prototypes"])
def test_the_meta_gradient_equals_finite_differences(steps, norm, head):
    rate = 0.3 if head == "linear" else 0.01
    learner = small_maml(inner_steps=steps, norm=norm, head=head, inner_lr=rate, lr_per_parameter=True)
    episodes = some_episodes()
    grads = meta_gradient(learner, episodes)
    for seed in range(3):
        g = torch.Generator().manual_seed(seed)
        direction = [torch.randn(grad.shape, generator=g) for grad in grads]
        along = sum((grad * d).sum() for grad, d in zip(grads, direction))
        torch.testing.assert_close(slope(learner, episodes, direction), along, rtol=1e-5, atol=1e-6)


def by_hand(learner, support, query, steps, first_order):
    """One task's loss with nothing but autograd.grad: an independent reference."""
    params = dict(learner.net.named_parameters()) | {"w": learner.head.weight, "b": learner.head.bias}

    def loss(params, part):
        net = {name: p for name, p in params.items() if name not in "wb"}
        return F.cross_entropy(functional_call(learner.net, net, part.x) @ params["w"].T + params["b"], part.y)

    for _ in range(steps):
        grads = torch.autograd.grad(loss(params, support), list(params.values()), create_graph=not first_order)
        params = {name: p - learner.config["inner_lr"] * g for (name, p), g in zip(params.items(), grads)}
    return loss(params, query)


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_meta_gradient_equals_a_reference_written_by_hand(steps, first_order):
    learner = small_maml(inner_steps=steps, first_order=first_order)
    episodes = some_episodes()
    ours = meta_gradient(learner, episodes)
    learner.zero_grad()
    tasks = [episodes.task(i) for i in range(3)]
    sum(by_hand(learner, t.support, t.query, steps, first_order) / 3 for t in tasks).backward()
    torch.testing.assert_close(ours, gradient(learner))


def test_first_order_differs_from_second_and_is_the_gradient_at_phi():
    second, first = small_maml(), small_maml(first_order=True)
    episodes = some_episodes(1)
    assert not torch.allclose(meta_gradient(second, episodes)[0], meta_gradient(first, episodes)[0], rtol=1e-2)
    task = episodes.task(0)
    phi = first.adapt_state(task.support).phi
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in phi["net"].items()}
    features = functional_call(first.net, leaves, task.query.x)
    F.cross_entropy(F.linear(features, **phi["head"]), task.query.y).backward()
    torch.testing.assert_close(
        [p.grad for p in first.net.parameters()], [leaves[name].grad for name, _ in first.net.named_parameters()]
    )


def test_zero_steps_give_the_plain_loss():
    learner, episodes = small_maml(inner_steps=0), some_episodes()
    plain = [F.cross_entropy(learner.head(learner.net(x)), y) for x, y in zip(*episodes.query)]
    torch.testing.assert_close(learner.losses(episodes), torch.stack(plain))


def test_permuting_labels_and_head_rows_together_permutes_the_logits():
    learner, task = small_maml(inner_steps=2), some_episodes(1).task(0)
    before = learner.adapt(task.support)(task.query.x)
    order = torch.tensor([2, 0, 1])  # old label -> new label
    with torch.no_grad():
        learner.head.weight[order] = learner.head.weight.clone()
        learner.head.bias[order] = learner.head.bias.clone()
    after = learner.adapt(LabelledSet(task.support.x, order[task.support.y]))(task.query.x)
    torch.testing.assert_close(after[:, order], before)


def test_permuting_labels_alone_changes_what_a_linear_head_says():
    learner, task = small_maml(), some_episodes(1).task(0)
    order = torch.tensor([2, 0, 1])
    after = learner.adapt(LabelledSet(task.support.x, order[task.support.y]))(task.query.x)
    assert not torch.allclose(after[:, order], learner.adapt(task.support)(task.query.x), rtol=1e-3)


@pytest.mark.parametrize("options", [{}, {"first_order": True}, {"head": "prototypes"}, {"norm": "support"}])
@pytest.mark.parametrize("downsample", ["stride", "max"])
def test_every_way_of_batching_tasks_gives_the_same_gradient(options, downsample):
    torch.manual_seed(1)
    learner = MAML(nets.Conv4(image_size=16, hidden=4, downsample=downsample), N_WAY, 0.1, inner_steps=2, **options)
    episodes = some_episodes(4)
    reference = meta_gradient(learner, episodes)
    for batching in ("loop", "vmap"):
        for chunk_size in (1, 3, 4):
            learner.zero_grad()
            learner.batching = batching
            losses = learner.accumulate_gradient(episodes, chunk_size=chunk_size)
            torch.testing.assert_close(gradient(learner), reference)
            assert losses.shape == (4,)
            assert not losses.requires_grad


def test_a_vmap_of_ones_own_is_right_too():
    """PyTorch's batch_norm is not, inside vmap, so nobody may meet it there unawares."""
    learner, episodes = small_maml(), some_episodes()
    reference = meta_gradient(learner, episodes)
    learner.zero_grad()
    torch.vmap(learner.task_loss)(episodes, ()).mean().backward()
    torch.testing.assert_close(gradient(learner), reference)


def test_gradients_add_up_over_calls():
    learner, episodes = small_maml(), some_episodes(2)
    once = meta_gradient(learner, episodes)
    learner.accumulate_gradient(episodes)
    torch.testing.assert_close(gradient(learner), [2 * g for g in once])


def test_one_query_moves_no_other_prediction_unless_the_queries_share_statistics():
    learner, task = small_maml(), some_episodes(1).task(0)
    other = task.query.x.clone()
    other[0] = (5 * torch.randn(other[0].shape, generator=torch.Generator().manual_seed(3))).sigmoid()
    inductive = learner.adapt(task.support, norm="support")
    assert not torch.equal(inductive(other)[0], inductive(task.query.x)[0])
    torch.testing.assert_close(inductive(other)[1:], inductive(task.query.x)[1:], rtol=1e-12, atol=1e-12)
    transductive = learner.adapt(task.support, norm="query")
    assert not torch.allclose(transductive(other)[1:], transductive(task.query.x)[1:], rtol=1e-2)


def test_support_statistics_are_those_of_the_support_at_the_adapted_weights():
    learner, task = small_maml(norm="support"), some_episodes(1).task(0)
    predict = learner.adapt(task.support)
    alone = functional_call(learner.net, predict.state.phi["net"], task.support.x)
    torch.testing.assert_close(predict(task.support.x), F.linear(alone, **predict.state.phi["head"]))


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("per_parameter", [False, True])
def test_learned_rates_start_as_the_fixed_one_and_get_a_gradient(per_step, per_parameter):
    learner = small_maml(inner_steps=2, lr_per_step=per_step, lr_per_parameter=per_parameter)
    episodes = some_episodes()
    torch.testing.assert_close(learner.losses(episodes), small_maml(inner_steps=2).losses(episodes))
    n_tensors = len(list(learner.net.parameters())) + 2
    assert learner.inner_lr.shape == (2 if per_step else 1, n_tensors if per_parameter else 1)
    meta_gradient(learner, episodes)
    learned = per_step or per_parameter
    assert (learner.inner_lr.grad is not None) == learned
    assert not learned or (learner.inner_lr.grad != 0).all()


@pytest.mark.parametrize("name", ["net.blocks.1.conv.weight", "head.weight", "head.bias"])
@pytest.mark.parametrize("head", ["linear", "prototypes"])
def test_a_rate_belongs_to_the_tensor_of_its_name_and_to_its_step(name, head):
    learner = small_maml(inner_steps=2, lr_per_step=True, lr_per_parameter=True, head=head)
    with torch.no_grad():
        learner.inner_lr.zero_()
        learner.inner_lr[1, learner.rate_names.index(name)] = 0.5
    theta, first, second = learner.trajectory(some_episodes(1).task(0).support, 2)
    torch.testing.assert_close(first, theta)
    pairs = {f"{part}.{n}": (p, second[part][n]) for part in theta for n, p in theta[part].items()}
    assert [n for n, (before, after) in pairs.items() if not torch.equal(before, after)] == [name]


def test_an_inner_rate_can_be_tried_out_without_changing_the_learner():
    learner, task = small_maml(), some_episodes(1).task(0)
    tried = learner.adapt(task.support, inner_lr=0.05, steps=2)(task.query.x)
    made = small_maml(inner_lr=0.05, inner_steps=2).adapt(task.support)(task.query.x)
    torch.testing.assert_close(tried, made)


def test_adapting_leaves_theta_alone_and_keeps_no_graph():
    learner, task = small_maml(), some_episodes(1).task(0)
    before = [p.clone() for p in learner.parameters()]
    predict = learner.adapt(task.support, steps=3)
    assert not predict(task.query.x).requires_grad
    assert not predict.state.phi["head"]["weight"].requires_grad
    torch.testing.assert_close(list(learner.parameters()), before)


def test_test_steps_are_used_at_test_time_alone():
    learner, episodes = small_maml(inner_steps=1, test_steps=4), some_episodes(2)
    torch.testing.assert_close(learner.losses(episodes), small_maml(inner_steps=1).losses(episodes))
    at_test = learner.episode_logits(episodes, "query")
    torch.testing.assert_close(at_test, small_maml(inner_steps=4).episode_logits(episodes, "query"))


def test_prototype_head_starts_as_nearest_prototype_for_any_number_of_classes():
    learner, task = small_maml(n_way=5, head="prototypes"), some_episodes(1).task(0)
    predict = learner.adapt(task.support, norm="query", steps=0)
    features = learner.net(task.support.x)
    centres = torch.stack([features[task.support.y == c].mean(0) for c in range(N_WAY)])
    distances = torch.cdist(learner.net(task.query.x), centres).pow(2)
    torch.testing.assert_close(predict(task.query.x).log_softmax(-1), (-distances).log_softmax(-1))


def test_unequal_shots_go_through_adapt():
    learner, task = small_maml(), some_episodes(1).task(0)
    kept = torch.tensor([0, 1, 2, 4])  # two, one and one picture
    predict = learner.adapt(LabelledSet(task.support.x[kept], task.support.y[kept]))
    assert predict(task.query.x).shape == (N_WAY * N_QUERY, N_WAY)


def test_bad_input_is_answered_with_what_to_do():
    episodes = some_episodes()
    with pytest.raises(ValueError, match="3 classes.*linear head for 5.*prototypes"):
        small_maml(n_way=5).losses(episodes)
    with pytest.raises(ValueError, match="linear head for 5"):
        small_maml(n_way=5).adapt(episodes.task(0).support)
    with pytest.raises(ValueError, match="without a task axis"):
        small_maml().adapt(episodes.support)
    with pytest.raises(ValueError, match="with a task axis"):
        small_maml().losses(episodes.task(0))
    with pytest.raises(ValueError, match="do not match"):
        small_maml().adapt(LabelledSet(episodes.support.x[0], episodes.support.y[0, 1:]))
    with pytest.raises(ValueError, match="'query', 'support'"):
        small_maml(norm="running")
    with pytest.raises(ValueError, match="cannot be negative"):
        small_maml(inner_steps=-1)
    with pytest.raises(ValueError, match="'linear' or 'prototypes'"):
        small_maml(head="cosine")
    with pytest.raises(ValueError, match="at least two"):
        small_maml(n_way=1)
