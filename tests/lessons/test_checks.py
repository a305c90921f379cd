import importlib
import pkgutil

import pytest
import torch
import torch.nn.functional as F
from torch.func import grad

from metalearn_course.lessons import checks, exercises
from metalearn_course.lessons.exercises import lesson02, lesson04


def numbers():
    """All exercises there are, of every lesson."""
    names = [module.name for module in pkgutil.iter_modules(exercises.__path__)]
    modules = {
        int(name.removeprefix("lesson")): importlib.import_module(f"{exercises.__name__}.{name}") for name in names
    }
    return [f"{lesson}.{i}" for lesson, module in modules.items() for i in range(1, len(module.EXERCISES) + 1)]


@pytest.mark.parametrize("number", numbers())
def test_the_solution_passes_its_own_check(number):
    assert checks.check(number, checks.find(number).solution).startswith(f"{number}: right")


@pytest.mark.parametrize("number", numbers())
def test_a_stub_is_not_attempted_yet(number):
    def stub(*arguments):
        raise NotImplementedError

    assert checks.check(number, stub) == f"{number}: not attempted yet."


@pytest.mark.parametrize("number", numbers())
def test_a_function_without_return_and_one_that_fails_are_told_so(number):
    observed = checks.check(number, lambda *arguments: None)
    assert "None" in observed
    assert "right" not in observed
    assert "ZeroDivisionError" in checks.check(number, lambda *arguments: 1 / 0)


def test_second_order_is_not_taken_for_first():
    def second_order(theta, support_x, support_y, query_x, query_y, inner_lr):
        g = grad(lambda w: F.cross_entropy(support_x @ w, support_y))(theta)
        return F.cross_entropy(query_x @ (theta - inner_lr * g), query_y)

    assert "not yet" in checks.check("4.2", second_order)
    assert checks.find("4.2").hint in checks.check("4.2", second_order)


def test_an_interval_pooled_over_queries_is_refused():
    def pooled(right):
        flat = right.float().flatten()
        return flat.mean().item(), 1.96 * flat.std().item() / len(flat) ** 0.5

    assert "not yet" in checks.check("4.3", pooled)


def test_an_attempt_cannot_spoil_the_cases():
    def spoiler(right):
        right.zero_()
        return 0.0, 0.0

    assert "not yet" in checks.check("4.3", spoiler)
    assert checks.check("4.3", lesson04.interval).startswith("4.3: right")


def test_solution_prints_source(capsys):
    checks.solution("4.1")
    assert "return n_way * alpha" in capsys.readouterr().out


@pytest.mark.parametrize("number", ["4.9", "4.0", "77.1", "four", "4.x"])
def test_an_unknown_exercise_is_named(number):
    with pytest.raises(ValueError, match="no exercise"):
        checks.find(number)


def test_the_rate_of_exercise_one_takes_the_same_step():
    """n_way * alpha on the mean moves as far as alpha on the sum divided by k_shot."""
    n_way, k_shot, alpha = 4, 3, 0.1
    y = torch.arange(n_way).repeat_interleave(k_shot)
    logits = torch.randn(len(y), n_way, generator=torch.Generator().manual_seed(0))
    theirs = alpha * grad(lambda z: F.cross_entropy(z, y, reduction="sum") / k_shot)(logits)
    ours = lesson04.rate_on_the_mean(alpha, n_way, k_shot) * grad(lambda z: F.cross_entropy(z, y))(logits)
    torch.testing.assert_close(ours, theirs)


def test_an_exercise_on_gradients_is_refused_the_first_order_answer():
    def first_order(support_loss, query_loss, theta, alpha, steps):
        for _ in range(steps):
            theta = theta - alpha * grad(support_loss)(theta)
        return grad(query_loss)(theta)

    assert "not yet" in checks.check("2.3", first_order)
    assert checks.check("2.3", lesson02.meta_gradient).startswith("2.3: right")


def test_the_meta_gradient_of_exercise_2_3_is_autograds():
    for support_loss, query_loss, theta, alpha, steps in checks.find("2.3").cases():

        def objective(start, loss=support_loss, query_loss=query_loss, alpha=alpha, steps=steps):
            for _ in range(steps):
                start = start - alpha * grad(loss)(start)
            return query_loss(start)

        found = lesson02.meta_gradient(support_loss, query_loss, theta, alpha, steps)
        torch.testing.assert_close(found, grad(objective)(theta))


def test_the_meta_optimum_of_exercise_2_1_is_a_minimum():
    for curvatures, optima, alpha in checks.find("2.1").cases():

        def objective(start, a=curvatures, c=optima, alpha=alpha):
            return (a * (start - alpha * a * (start - c) - c) ** 2).sum()

        best = lesson02.meta_optimum(curvatures, optima, alpha)
        torch.testing.assert_close(grad(objective)(best), torch.tensor(0.0), atol=1e-5, rtol=0)
