"""The exercises of lesson 01 accept what is right and refuse the mistakes that they are about."""

import pytest
import torch

from metalearn_course.lessons import checks
from metalearn_course.lessons.exercises import lesson01

NUMBERS = ["1.1", "1.2", "1.3"]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_solution_passes_its_own_check(number):
    assert checks.check(number, checks.find(number).solution).startswith(f"{number}: right")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_stub_is_not_attempted_yet(number):
    def stub(*arguments):
        raise NotImplementedError

    assert checks.check(number, stub) == f"{number}: not attempted yet."


@pytest.mark.parametrize("number", NUMBERS)
def test_a_forgotten_return_is_told(number):
    verdict = checks.check(number, lambda *arguments: None)
    assert "right" not in verdict
    assert "None" in verdict


def test_means_by_position_are_refused():
    def by_position(x, y, q, n_way):
        k = len(x) // n_way
        return torch.cdist(q, x[: n_way * k].view(n_way, k, -1).mean(1)).argmin(1)

    assert "not yet" in checks.check("1.1", by_position)


def test_a_loop_over_classes_is_as_good():
    def loop(x, y, q, n_way):
        return torch.cdist(q, torch.stack([x[y == c].mean(0) for c in range(n_way)])).argmin(1)

    assert checks.check("1.1", loop).startswith("1.1: right")


def test_an_unpaired_interval_is_refused():
    def unpaired(a, b):
        a, b = a.float().mean(1), b.float().mean(1)
        return (a.mean() - b.mean()).item(), 1.96 * ((a.var() + b.var()) / len(a)).sqrt().item()

    assert "not yet" in checks.check("1.2", unpaired)


def test_the_paired_cases_are_narrower_paired():
    for a, b in lesson01._pairs():
        spread = (a.float().mean(1).var() + b.float().mean(1).var()).sqrt()
        assert lesson01.paired_interval(a, b)[1] < 1.96 * spread / len(a) ** 0.5


def by_class(groups, n_train):
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(0)).tolist()
    return order[:n_train], order[n_train:]


def forgets(groups, n_train):
    train, test = lesson01.group_split(groups, n_train)
    return train, test[1:]


def everything_in_test(groups, n_train):
    return [], list(range(len(groups)))


@pytest.mark.parametrize("wrong", [by_class, forgets, everything_in_test])
def test_bad_splits_are_refused(wrong):
    assert "not yet" in checks.check("1.3", wrong)


def test_any_shuffling_of_groups_will_do():
    def last_groups(groups, n_train):
        chosen = set(sorted(set(groups))[-n_train:])
        return [c for c in range(len(groups)) if groups[c] in chosen], torch.tensor(
            [c for c in range(len(groups)) if groups[c] not in chosen]
        )

    assert checks.check("1.3", last_groups).startswith("1.3: right")
