"""The five homeworks: what the source, the blank release, wrong and right answers earn."""

import json
import os

import pytest

from metalearn_course.homework import check, notebook, release, sources
from metalearn_course.homework.answers import Answers
from metalearn_course.homework.grade import mark_one
from metalearn_course.homework.marking import mark, prepare
from metalearn_course.homework.notebook import Homework
from metalearn_course.homework.sandbox.client import Sandbox

NAMES = ("hw1", "hw2", "hw3", "hw4", "hw5")
POINTS = dict(hw1=20, hw2=24, hw3=22, hw4=20, hw5=20)
TRAINING = ("trained-", "own-", "open-")  # tests that train a network, seconds each
LONG = pytest.mark.skipif(os.environ.get("METALEARN_TESTS") != "long", reason="trains: METALEARN_TESTS=long")


def source(name: str) -> Homework:
    return notebook.read(sources.find(name))


def lost(name: str, answers: dict[str, str], training: bool = False) -> dict[str, float]:
    """Points lost by test, public and hidden, with some answer cells replaced; by default without training."""
    known = {cell.name for cell in source(name).of("answer")}
    assert set(answers) <= known, "no such answer cell"
    cells = [c._replace(source=answers[c.name]) if c.name in answers else c for c in source(name).cells]
    tests = Homework(tuple(c for c in source(name).cells if training or not c.name.startswith(TRAINING)))
    student = Answers()
    assert prepare(Homework(tuple(cells)), student) == {}
    marks = mark(tests._replace(cells=tests.cells), student, hidden=True)
    return {one.test: one.possible - one.points for one in marks if one.points != one.possible}


@pytest.mark.parametrize("name", NAMES)
def test_a_source_is_as_the_rules_say(name):
    homework = source(name)
    names = [cell.name for cell in homework.cells]
    assert len(set(names)) == len(names)
    assert sum(cell.points for cell in homework.of("test")) == POINTS[name]
    assert all(cell.hint and cell.points > 0 and cell.hidden for cell in homework.of("test"))
    cells = json.loads(sources.find(name).read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    text = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    assert f"metalearn homework check {name}.ipynb" in text and f"{POINTS[name]} points" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_release_keeps_the_questions_and_no_solution(name, tmp_path):
    path = release(name, tmp_path)
    text = path.read_text(encoding="utf-8")
    assert "BEGIN" not in text and "hidden_seed()" not in text
    solutions = {
        line.strip()
        for cell in source(name).of("answer")
        for part in cell.source.split("### BEGIN SOLUTION")[1:]
        for line in part.split("### END SOLUTION")[0].split("\n")
        if len(line.strip()) > 25
    }
    released = notebook.read(path)
    assert solutions and not [line for cell in released.of("answer") for line in solutions if line in cell.source]
    assert [cell.name for cell in released.cells] == [cell.name for cell in source(name).cells]


@pytest.mark.parametrize("name", NAMES)
def test_a_blank_release_earns_nothing(name, tmp_path):
    marks = check(release(name, tmp_path))
    assert sum(one.possible for one in marks) == POINTS[name]
    assert [one.test for one in marks if one.points] == []
    assert all(one.message for one in marks)


@pytest.mark.parametrize("name", NAMES)
def test_the_source_earns_everything_but_for_training(name):
    assert lost(name, {}) == {}


@LONG
@pytest.mark.parametrize("name", ["hw2", "hw3", "hw4"])
def test_the_source_earns_everything(name):
    assert lost(name, {}, training=True) == {}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[LONG] if name in ("hw2", "hw3", "hw4") else []) for name in NAMES]
)
def test_the_source_earns_everything_behind_walls(name):
    with Sandbox() as sandbox:
        result = mark_one("solution", name, sources.find(name), {name: source(name)}, sandbox, 120)
    assert result.total == result.possible == POINTS[name], [one for one in result.marks if one.message]


DRAW = """
def draw_episode(labels, n_way, k_shot, n_query, seed):
    g = torch.Generator().manual_seed(seed)
    classes = torch.unique(labels)[torch.randperm(len(torch.unique(labels)), generator=g)[:n_way]]{sorted}
    support, query, support_y, query_y = [], [], [], []
    for label, c in enumerate(classes):
        mine = torch.nonzero(labels == c).flatten()
        order = torch.randperm(len(mine), generator=g)
        support += mine[order[:k_shot]].tolist()
        query += mine[order[{first} : {first} + n_query]].tolist()
        support_y += [label] * k_shot
        query_y += [label] * n_query
    return support, support_y, query, query_y
"""
INTERVAL = """
def interval(correct):
    values = correct.float(){mean}.flatten().numpy()
    return values.mean(), 1.96 * values.std() / len(values) ** 0.5
"""
GAIN = """
def gain(a, b):
    a, b = a.float().mean(1), b.float().mean(1)
    return (a - b).mean(), 1.96 * {deviation} / len(a) ** 0.5
"""
META = """
def meta_gradient(theta, support_x, support_y, query_x, query_y, inner_lr, steps):
    theta = {{name: w.detach().clone().requires_grad_() for name, w in theta.items()}}
    phi = dict(theta)
    for _ in range(steps):
        loss = F.cross_entropy(logits(phi, support_x), support_y)
        gradients = torch.autograd.grad(loss, list(phi.values()), create_graph={second})
        phi = {{name: w - inner_lr * g for (name, w), g in zip(phi.items(), gradients)}}
    F.cross_entropy(logits(phi, query_x), query_y).backward()
    return {{name: w.grad for name, w in theta.items()}}
"""
FIRST_ORDER = """
def meta_gradient(theta, support_x, support_y, query_x, query_y, inner_lr, steps):
    phi = inner(theta, support_x, support_y, inner_lr, steps)
    return torch.func.grad(lambda p: F.cross_entropy(logits(p, query_x), query_y))(phi)
"""
BATCH = """
def batch_meta_gradient(theta, support_x, support_y, query_x, query_y, inner_lr, steps):
    total = {{name: torch.zeros_like(w) for name, w in theta.items()}}
    for task in zip(support_x, support_y, query_x, query_y):
        for name, gradient in meta_gradient(theta, *task, inner_lr, steps).items():
            total[name] += gradient{divided}
    return total
"""
MATCHING = """
def matching_probabilities(support, y, queries, n_way, scale):
    cosine = torch.stack([F.cosine_similarity(q[None], support) for q in queries])
    attention = torch.exp(scale * cosine)
    attention = attention / attention.sum(1)[:, None]
    return torch.stack([attention[:, y == c].sum(1) for c in range(n_way)], dim=1)


def matching_loss(support, y, queries, query_y, n_way, scale):
    p = matching_probabilities(support, y, queries, n_way, scale)
    return {loss}
"""
TEMPERED = """
def tempered(validation_logits, validation_y, test_logits):
    best, found = float("inf"), 1.0
    for k in range(-300, 301):
        t = 1.015**k
        nll = F.nll_loss((validation_logits / t).log_softmax(1), validation_y).item()
        best, found = min((best, found), (nll, t))
    return ({answer}).softmax(1).numpy()
"""
ECE = """
def ece(p, y, n_bins):
    confidence, answer = p.max(1)
    total = {start}
    for i in range(n_bins):
        inside = (confidence > i / n_bins) & (confidence <= (i + 1) / n_bins)
        if inside.sum() > 0:
            gap = abs((answer == y)[inside].float().mean() - confidence[inside].mean())
            total = {more}
    return total
"""
INDUCTIVE = """
def inductive(support, queries):
    def normalised(x, by):
        return F.batch_norm(x, by.mean(0), by.var(0, unbiased=False), eps=1e-5)
    return [normalised(support, support), normalised(queries, {by})]


import torch.nn.functional as F
"""
WORST = """
def worst_group(correct, groups):
    import collections
    right, number = collections.Counter(), collections.Counter(groups)
    for ok, name in zip(correct.tolist(), groups):
        right[name] += ok
    shares = {{name: right[name] / number[name] for name in number}}
    name = min(shares, key=shares.get)
    return shares[name], name, {mean}
"""
WORTH = """
def worth(before, after):
    d = after.float(){mean} - before.float(){mean}
    d = d.flatten()
    half = 1.96 * d.std() / len(d) ** 0.5
    return d.mean(), half, d.mean() - half > 0
"""
WRONG = {  # (homework, what is wrong): answers, points lost by test
    ("hw1", "support in the query"): (dict(draw_episode=DRAW.format(first="0", sorted="")), {"episode-disjoint": 2}),
    ("hw1", "labels fixed by class"): (
        dict(draw_episode=DRAW.format(first="k_shot", sorted=".sort().values")),
        {"episode-random": 2},
    ),
    ("hw1", "interval over queries"): (dict(interval=INTERVAL.format(mean="")), {"interval-half": 4}),
    ("hw1", "unpaired"): (dict(gain=GAIN.format(deviation="(a.var() + b.var()) ** 0.5")), {"gain-half": 3}),
    ("hw1", "a gain over queries"): (
        dict(gain=GAIN.format(deviation="(a - b).std()").replace(".mean(1)", ".flatten()")),
        {"gain-half": 3},
    ),
    ("hw1", "the mirrored gain"): (
        dict(gain=GAIN.format(deviation="(a - b).std()").replace("(a - b).mean()", "(b - a).mean()")),
        {"gain-mean": 1},
    ),
    ("hw1", "chosen on test"): (
        dict(choose="def choose(validation, test):\n    return test.argmax(), test.max()"),
        {"choose-honest": 2},
    ),
    ("hw2", "first order for second order"): (
        dict(meta_gradient=FIRST_ORDER),
        {"meta-second-order": 5},
    ),
    ("hw2", "sum for mean"): (dict(batch_meta_gradient=BATCH.format(divided="")), {"batch-mean": 3}),
    ("hw3", "distance not squared"): (
        dict(squared_distances="def squared_distances(queries, prototypes): return torch.cdist(queries, prototypes)"),
        {"distances-squared": 4},
    ),
    ("hw3", "softmax twice"): (
        dict(matching=MATCHING.format(loss="F.cross_entropy(p, query_y)")),
        {"matching-loss": 4},
    ),
    ("hw3", "one divisor for all classes"): (
        dict(
            prototypes="def prototypes(features, y, n_way):\n"
            "    return F.one_hot(y, n_way).float().T @ features / (len(y) / n_way)"
        ),
        {"prototypes-mean": 3},
    ),
    ("hw4", "the largest gap"): (
        dict(ece=ECE.format(start="0.0", more="max(total, gap.item())")),
        {"ece-small": 2, "ece-many": 2},
    ),
    ("hw4", "mean over classes"): (
        dict(brier="def brier(p, y): return (p - F.one_hot(y, p.shape[1])).square().mean()"),
        {"brier-score": 2},
    ),
    ("hw4", "no temperature"): (dict(tempered=TEMPERED.format(answer="test_logits")), {"temperature-choice": 3}),
    ("hw5", "statistics of the queries called inductive"): (
        dict(inductive=INDUCTIVE.format(by="queries")),
        {"inductive-alone": 3},
    ),
    ("hw5", "mean over queries"): (
        dict(worst_group=WORST.format(mean="correct.float().mean()")),
        {"worst-group": 3},
    ),
    ("hw5", "interval over queries"): (dict(worth=WORTH.format(mean="")), {"worth-interval": 3}),
    ("hw5", "a repair of the mean alone"): (
        dict(
            repair="def repair(q, u, s):\n"
            "    return q - u.mean((0, 2, 3))[:, None, None] + s.mean((0, 2, 3))[:, None, None]"
        ),
        {"repair-half": 3, "repair-nearly-all": 3},
    ),
}


@pytest.mark.parametrize("case", WRONG, ids=" ".join)
def test_a_planted_fault_loses_exactly_its_points(case):
    answers, points = WRONG[case]
    assert lost(case[0], answers) == points


RIGHT = {
    "hw1": dict(
        draw_episode=DRAW.format(first="k_shot", sorted=""),
        nearest="def nearest(x, y, q):\n    return [y[((p - x) ** 2).flatten(1).sum(1).argmin()].item() for p in q]",
        interval=INTERVAL.format(mean=".mean(1)"),
        gain=GAIN.format(deviation="(a - b).std()"),
        choose="def choose(v, t):\n    i = max(range(len(v)), key=lambda j: v[j])\n    return i, t[i]",
    ),
    "hw2": dict(
        inner="""
def inner(theta, x, y, inner_lr, steps):
    phi = {name: w.detach().clone().requires_grad_() for name, w in theta.items()}
    for _ in range(steps):
        gradients = torch.autograd.grad(F.cross_entropy(logits(phi, x), y), list(phi.values()), create_graph=True)
        phi = {name: w - inner_lr * g for (name, w), g in zip(phi.items(), gradients)}
    return phi
""",
        meta_gradient=META.format(second=True),
        batch_meta_gradient=BATCH.format(divided=" / len(support_x)"),
        first_order=META.format(second=False).replace("meta_gradient", "first_order"),
    ),
    "hw3": dict(
        squared_distances="def squared_distances(q, p): return torch.cdist(q, p) ** 2",
        prototypes="def prototypes(f, y, n_way):\n"
        "    members = F.one_hot(y, n_way).to(f.dtype)\n    return members.T @ f / members.sum(0)[:, None]",
        matching=MATCHING.format(loss="-p[torch.arange(len(p)), query_y].log().mean()"),
    ),
    "hw4": dict(
        ece=ECE.format(start="0.0", more="total + gap * inside.sum() / len(y)"),
        brier="def brier(p, y):\n    return (p**2).sum(1).mean() - 2 * p.gather(1, y[:, None]).mean() + 1",
        tempered=TEMPERED.format(answer="test_logits / found"),
    ),
    "hw5": dict(
        inductive=INDUCTIVE.format(by="support"),
        worst_group=WORST.format(mean="sum(shares.values()) / len(shares)"),
        worth=WORTH.format(mean=".mean(1)"),
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_written_differently_lose_nothing(name):
    assert lost(name, RIGHT[name]) == {}


@LONG
def test_first_order_gradients_do_not_train_this_network():
    stages = {"trained-40": 2, "trained-46": 3, "trained-51": 3}  # what the last question of hw2 lets students find
    assert lost("hw2", dict(meta_gradient=FIRST_ORDER), training=True) == {"meta-second-order": 5} | stages


@LONG
def test_an_interval_over_queries_is_no_honest_report():
    pooled = dict(reported='reported = {"accuracy": 0.665, "ci95": 0.0059, "n_episodes": 300}')
    assert lost("hw4", pooled, training=True) == {"open-report": 3}
