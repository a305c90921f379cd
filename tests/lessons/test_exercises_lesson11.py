"""The exercises of lesson 11 accept what is right and refuse the mistakes that they are about."""

import torch

from metalearn_course.lessons import checks


def test_the_plain_quantile_breaks_the_promise_with_few_pictures():
    assert "not yet" in checks.check("11.1", lambda scores, rate: scores.quantile(rate).item())


def test_recomputing_from_the_sum_is_as_good_and_subtracting_alone_is_not():
    assert checks.check("11.2", lambda p, n, f: (n * p - f) / (n - 1)).startswith("11.2: right")
    assert "not yet" in checks.check("11.2", lambda p, n, f: p - f / n)


def test_the_sizes_of_the_samples_are_not_how_often_aliens_come():
    def counted(known, alien, threshold, share_alien):
        accepted, rejected = (known >= threshold).sum(), (known < threshold).sum()
        strangers = (alien >= threshold).sum()
        return (strangers / (accepted + strangers)).item(), (rejected / (rejected + 50 - strangers)).item()

    assert "not yet" in checks.check("11.3", counted)


def test_the_threshold_of_the_exercise_is_that_of_the_package():
    from metalearn_course.applications.rejection import threshold

    assert checks.check("11.1", lambda s, r: threshold(s, r) if r * (len(s) + 1) >= 1 else -torch.inf).startswith(
        "11.1"
    )
