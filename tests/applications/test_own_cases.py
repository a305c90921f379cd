"""Scanned digits, and classifiers on pixels scored on the same episodes as a learner."""

import torch
from helpers import samplers, tiny_maml

from metalearn_course import evaluation
from metalearn_course.applications import own_cases


def test_digits_are_ink_on_dark_in_ten_classes():
    digits = own_cases.digits()
    assert len(digits) == 10 and digits.images.shape == (1797, 1, 28, 28)
    first = digits.images[digits.starts, 0].float()
    assert (first[:, 0].mean(1) < 20).all() and (first.amax((1, 2)) > 200).all()


def test_both_baselines_solve_what_is_easy_and_are_paired_with_a_learner():
    sampler = samplers()[2]
    learned = evaluation.evaluate(tiny_maml(), sampler, 5)
    for answer in (own_cases.nearest_pixels, own_cases.logistic_regression):
        found = own_cases.score(answer, sampler, like=learned)
        assert found.accuracy > 0.9
        assert len(found.per_episode) == 5 and evaluation.paired(found, learned).gain >= -1


def test_the_episodes_are_those_of_evaluate():
    sampler, seen = samplers()[2], []

    def remember(task):
        seen.append(task.query.x)
        return task.query.y

    learned = evaluation.evaluate(tiny_maml(), sampler, 3)
    own_cases.score(remember, sampler, like=learned)
    wanted = torch.cat([part.episodes.query.x for part in evaluation.predicted(tiny_maml(), sampler, 3, "query")])
    assert torch.equal(torch.stack(seen), wanted)
