"""The exercises of lesson 12 accept what is right and refuse the mistakes that they are about."""

import torch

from metalearn_course.lessons import checks


def test_each_kind_among_itself_is_not_the_generalised_test():
    def apart(scores, y, seen, constant):
        scores = scores - constant * seen.float()
        own = torch.where(seen[None] == seen[y][:, None], scores, -torch.inf).argmax(1) == y
        s, u = own[seen[y]].float().mean().item(), own[~seen[y]].float().mean().item()
        return s, u, 2 * s * u / (s + u) if s + u else 0.0

    assert "not yet" in checks.check("12.1", apart)


def test_the_arithmetic_mean_is_refused():
    def arithmetic(scores, y, seen, constant):
        right = (scores - constant * seen.float()).argmax(1) == y
        s, u = right[seen[y]].float().mean().item(), right[~seen[y]].float().mean().item()
        return s, u, (s + u) / 2

    assert "not yet" in checks.check("12.1", arithmetic)


def test_looking_for_the_same_names_alone_misses_leaks():
    def same_names(train, test, group, description):
        return [name in train for name in test]

    assert "not yet" in checks.check("12.2", same_names)


def test_a_loop_over_the_test_classes_is_as_good():
    def loop(train, test, group, description):
        found = []
        for name in test:
            known = [other for other in train if group[other] == group[name] or description[other] == description[name]]
            unknown = [word for word in description[name] if all(word not in description[other] for other in train)]
            found.append(bool(known or unknown))
        return found

    assert checks.check("12.2", loop).startswith("12.2: right")


def test_equal_weights_are_refused_and_precisions_are_right():
    def equal(described, features, tau, sigma):
        return torch.cat([described[None], features]).mean(0)

    def precisions(described, features, tau, sigma):
        weight = 1 / tau**2 + len(features) / sigma**2
        return (described / tau**2 + features.sum(0) / sigma**2) / weight

    assert "not yet" in checks.check("12.3", equal)
    assert checks.check("12.3", precisions).startswith("12.3: right")
