"""VILM: the generator inside a learner, against the learner without it."""

import pytest
import torch
import torch.nn.functional as F
from helpers import easy_classes, remembered, small_run, write_pictures
from small_learners import gradient, some_episodes
from small_vilm import SIZES, base, blocks, easy, small

from metalearn_course import nets, training
from metalearn_course.cli.main import main
from metalearn_course.episode import LabelledSet
from metalearn_course.functional import prototypes
from metalearn_course.learners import VILM, ProtoNet, load_learner, load_pretrained
from metalearn_course.sampling import EpisodeSampler


@pytest.mark.parametrize("tune_steps", [0, 2])
@pytest.mark.parametrize("head", ["cosine", "linear"])
def test_without_generated_pictures_it_is_the_learner_that_it_stands_on(head, tune_steps):
    fitting = dict(head=head, tune_steps=tune_steps)
    owner, episodes = base(**fitting), some_episodes()
    for learner, options in ((small(owner, m=0, **fitting), {}), (small(owner, **fitting), {"m": 0})):
        for norm in owner.norms:
            wanted = owner.episode_logits(episodes, norm)
            assert torch.equal(learner.episode_logits(episodes, norm, **options), wanted)
            predict = learner.adapt(episodes.task(0).support, norm=norm, **options)
            assert torch.equal(
                predict(episodes.query.x[0]), owner.adapt(episodes.task(0).support, norm)(episodes.query.x[0])
            )


@pytest.mark.parametrize("head", ["cosine", "linear"])
def test_pictures_of_weight_0_change_nothing_and_equal_weights_are_no_weights(head, float64):
    learner, task = small(head=head), some_episodes().task(0)
    features, y = learner.net(task.support.x), task.support.y
    torch.testing.assert_close(
        learner.remember(features, y, 3, 20, torch.full((len(y),), 0.3)), learner.remember(features, y, 3, 20)
    )
    if head == "cosine":  # the linear head measures the length of all features
        for steps in (0, 2):
            none, without = (
                learner.adapt(task.support, tune_steps=steps, **options) for options in ({"weight": 0.0}, {"m": 0})
            )
            torch.testing.assert_close(none(task.query.x), without(task.query.x))


def test_the_loss_is_the_elbo_and_the_query_loss_of_the_adapted_head(float64):
    learner, task = small(query_weight=3.0, train_steps=4), some_episodes().task(0)
    noise = {name: t[0] for name, t in learner.noise_for(0, 0, [0]).items()}
    predict = learner.adapt(task.support, norm="running", steps=4, noise=noise)
    query = F.cross_entropy(predict(task.query.x), task.query.y)
    double = {name: t.double() for name, t in noise.items()}
    elbo = learner.generator.elbo(task.support, task.query, 3, double["c"][:3], double["z"][:12], class_size=20)
    torch.testing.assert_close(learner.task_loss(task, noise), 3 * query - elbo.mean())


def test_the_gradient_reaches_the_generator_and_nothing_else():
    """Of the query loss alone, the part that the ELBO does not train for: from the head into the pictures."""
    task, owner = easy(1).task(0), base()
    learner, elbo = small(owner, query_weight=5.0), small(owner, query_weight=0.0)
    (learner.task_loss(task) - elbo.task_loss(task)).backward()
    assert all(name.startswith("generator.") for name in gradient(learner))
    parts = {name.split(".")[1] for name, slope in gradient(learner).items() if slope.any()}
    assert {"encoder", "statistic_head", "drawing", "motion"} <= parts
    assert {name for name, p in learner.named_parameters() if p.requires_grad} == {
        f"generator.{name}" for name, _ in learner.generator.named_parameters()
    }


def test_the_elbo_alone_asks_nothing_of_the_embedding_and_the_head():
    owner, episodes = base(), easy()
    one = small(owner, query_weight=0.0)
    other = small(base(ProtoNet), query_weight=0.0, head="linear", m=3, head_steps=1)
    for parameter in other.net.parameters():
        parameter.data.mul_(2)
    other.generator.load_state_dict(one.generator.state_dict())
    noise = one.noise_for(0, 0, range(2))
    assert torch.equal(one.losses(episodes, noise), other.losses(episodes, noise))


@pytest.mark.parametrize("head", ["cosine", "linear"])
@pytest.mark.parametrize("norm", VILM.norms)
def test_a_vmap_gives_what_a_loop_gives(head, norm, float64):
    learner, episodes = small(head=head, norm=norm, class_temperature=1.0), some_episodes()
    noise, found = learner.noise_for(0, 0, range(3)), []
    for learner.batching in ("vmap", "loop"):
        learner.zero_grad()
        losses = learner.accumulate_gradient(episodes, noise, chunk_size=3)
        found.append((losses, gradient(learner), learner.episode_logits(episodes, norm, noise)))
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-8)


def test_generated_pictures_are_a_labelled_set_and_grow_with_m():
    learner, support = small(), easy(k_shot=2).task(0).support
    few, many = learner.generate(support, 2), learner.generate(support, 5)
    assert few.x.shape == (6, 1, 16, 16) and few.y.tolist() == [0, 0, 1, 1, 2, 2]
    torch.testing.assert_close(many.x.view(3, 5, 1, 16, 16)[:, :2], few.x.view(3, 2, 1, 16, 16))
    still = learner.generate(support, 2, temperature=0.0).x
    torch.testing.assert_close(still[::2], still[1::2])
    assert not torch.allclose(learner.generate(support, 2, class_temperature=1.0).x, few.x)


def test_training_makes_pictures_that_carry_their_class():
    """A judge that was not trained with them: the nearest mean picture of the queries."""
    learner, train = small(query_weight=1.0, train_steps=3, m=2, hidden=16), blocks(n_way=3, k_shot=1)
    history = training.fit(learner, train, 250, n_tasks=1, lr=5e-3, progress=False)
    assert sum(history.losses[-20:]) < 0.7 * sum(history.losses[:20])
    agree = []
    for task in map(train.sample_tasks(5, 0, range(20)).task, range(20)):
        made = learner.generate(task.support, 5)
        assert made.x.min() >= 0 and made.x.max() <= 1
        centres = prototypes(task.query.x.flatten(1), task.query.y, 3)
        agree.append((torch.cdist(made.x.flatten(1), centres).argmin(1) == made.y).float().mean())
    assert torch.stack(agree).mean() > 0.7  # chance is 1/3


def test_a_run_keeps_its_options_its_embedding_and_its_statistics(tmp_path):
    owner = base()
    learner = small(owner, m=3, weight=0.5, temperature=0.8, query_weight=1.0)
    small_run(tmp_path, 3, learner)
    again, _ = load_learner(tmp_path / "last.safetensors")
    assert again.config == learner.config and again.test_options == learner.test_options
    assert torch.equal(again.running, owner.running)
    task = some_episodes().task(0)
    assert torch.equal(
        again.adapt(task.support, "running")(task.query.x), learner.adapt(task.support, "running")(task.query.x)
    )
    assert not torch.equal(again.generator.encoder[1].weight, small().generator.encoder[1].weight)


def test_the_command_line_starts_it_from_a_run_and_m_0_scores_as_that_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = f"folder:{write_pictures(tmp_path / 'mine', easy_classes(30, 8, size=28))}"
    tiny = ["--dataset", data, "--n-way", "3", "--k-shot", "1", "--n-query", "2", "--n-steps", "2", "--device", "cpu"]
    assert main(["train", "pretrained", *tiny, "--out", "base"]) == 0
    assert main(["train", "vilm", "--init", "base", "--m", "2", "--hidden", "8", *tiny, "--out", "vilm"]) == 0
    owner, learner = (load_learner(tmp_path / run / "best.safetensors")[0] for run in ("base", "vilm"))
    assert learner.config["m"] == 2 and remembered(learner.trained_on) == remembered(owner.trained_on)
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    wanted = owner.adapt(LabelledSet(x, torch.arange(3)), "running")(x)
    assert torch.equal(learner.adapt(LabelledSet(x, torch.arange(3)), "running", m=0)(x), wanted)
    assert main(["evaluate", "vilm", "--n-episodes", "2", "--n-query", "2", "--device", "cpu"]) == 0


def test_a_vilm_that_starts_from_another_draws_as_that_one():
    other, support = small(), easy().task(0).support
    for parameter in other.generator.parameters():
        parameter.data.mul_(1.1)
    learner = small(other, query_weight=0.0)
    assert torch.equal(learner.generate(support, 2).x, other.generate(support, 2).x)


def test_it_may_stand_on_a_protonet():
    owner = base(ProtoNet)
    learner = small(owner)
    assert torch.equal(learner.running, owner.running) and learner.log_scale.exp() == pytest.approx(10)
    assert learner.adapt(some_episodes().task(0).support, "running")(torch.zeros(2, 1, 16, 16)).shape == (2, 3)


def test_wrong_options_and_sets_are_refused():
    for options, answer in (({"m": 21}, "m=21"), ({"weight": -1.0}, "cannot be negative"), ({"head": "x"}, "head='x'")):
        with pytest.raises(ValueError, match=answer):
            small(**options)
    with pytest.raises(ValueError, match="m=0"):
        small().generate(some_episodes().task(0).support, 0)
    with pytest.raises(ValueError, match="no running statistics"):
        VILM(nets.Conv4(image_size=16, hidden=8), 3, **SIZES).losses(some_episodes())


def test_an_independent_learner_names_the_class_of_what_is_drawn(kanji):
    """The judge learned other tasks from other tensors; neither it nor the generator has seen these classes.

    It knows strokes in black and white, so that is how it gets the drawings.
    """
    learner, judge = load_pretrained("kanji-vilm-20w1s"), load_pretrained("kanji-maml-5w1s")
    sampler, right, swapped = EpisodeSampler(kanji.split(seed=0)[1], 5, 1, 5), [], []
    for i in range(20):
        task = sampler.sample_tasks(3, 0, [i]).task(0)
        predict, made = judge.adapt(task.query), learner.generate(task.support, 4)
        right.append((predict((made.x > 0.4).float()).argmax(1) == made.y).float().mean())
        support = task.support._replace(y=(task.support.y + 1) % 5)  # the drawing follows the picture, not the label
        other = learner.generate(support, 4)
        swapped.append((predict((other.x > 0.4).float()).argmax(1) == (other.y - 1) % 5).float().mean())
    assert torch.stack(right).mean() > 0.5 and torch.stack(swapped).mean() > 0.5  # chance is 0.2
