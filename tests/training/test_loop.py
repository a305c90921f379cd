"""One loop for every learner; and a run that is killed ends like one that was not."""

import copy
import functools
import multiprocessing
import os
import random
import shutil
import signal
import time
from types import SimpleNamespace

import pytest
import torch
from helpers import (
    Noisy,
    assert_same_tensors,
    easy_classes,
    read_log,
    run_in_a_process,
    samplers,
    small_run,
    tiny_maml,
    without_time,
)

from metalearn_course import learners, nets, sampling, training
from metalearn_course.common import storage
from metalearn_course.datasets import ImageClasses
from metalearn_course.training import loop


def contents(out):
    """The tensors of a run's two checkpoints, and what their info says that is not about time."""
    found = {}
    for name in ("last", "best"):
        tensors, info = storage.read(out / f"{name}.safetensors")
        info.pop("seconds")
        found[name] = tensors, info
    return found


def assert_same_run(out, wanted):
    """Weights, optimiser state, best learner and log, all bit for bit."""
    for name, (tensors, info) in contents(wanted).items():
        assert_same_tensors(contents(out)[name][0], tensors)
        assert contents(out)[name][1] == info
    assert without_time(out) == without_time(wanted)
    visible = sorted(path.name for path in out.iterdir() if path.name != ".lock")
    assert visible == ["best.safetensors", "last.safetensors", "log.jsonl"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run of six steps that nothing disturbed; read only."""
    out = tmp_path_factory.mktemp("whole")
    small_run(out)
    return out


@pytest.fixture
def stopped(whole, tmp_path, monkeypatch):
    """The folder of the same run, killed after four steps: the checkpoint is of step 2 and the log longer."""
    step, steps = torch.optim.Adam.step, []

    def killed(self, *args):
        steps.append(1)
        return step(self, *args) if len(steps) < 4 else pytest.fail("killed")

    with monkeypatch.context() as patch, pytest.raises(pytest.fail.Exception, match="killed"):
        patch.setattr(torch.optim.Adam, "step", killed)
        small_run(tmp_path)
    assert [record["step"] for record in read_log(tmp_path)] == [1, 2, 3]
    assert storage.read(tmp_path / "last.safetensors")[1]["step"] == 2
    return tmp_path


# The loop -------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [tiny_maml, functools.partial(tiny_maml, head="prototypes"), Noisy])
def test_training_reduces_the_loss_of_every_learner(make):
    train, _, _ = samplers(k_shot=2, n_query=3)
    losses = training.fit(make(), train, 60, n_tasks=2, lr=2e-2, progress=False).losses
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


def test_training_generalises_to_new_classes():
    train, validation, _ = samplers(k_shot=2)
    settings = dict(n_tasks=2, lr=2e-2, validate=validation, n_validation=20, progress=False)
    history = training.fit(tiny_maml(head="prototypes"), train, 40, **settings)
    [(step, accuracy, ci95)] = history.validation
    assert step == 40 and accuracy - ci95 > 1 / 3


def test_a_step_is_one_optimiser_step_on_the_mean_loss_of_its_tasks():
    learner = tiny_maml()
    by_hand = copy.deepcopy(learner)
    train, _, _ = samplers()
    history = training.fit(
        learner, train, 1, n_tasks=3, lr=0.1, decay=0, seed=5, optimizer=torch.optim.SGD, progress=False
    )
    loss = by_hand.losses(train.sample_tasks(5, 0, range(3))).mean()
    wanted = [p for p in by_hand.parameters() if p.requires_grad]
    for p, g in zip(wanted, torch.autograd.grad(loss, wanted)):
        p.data -= 0.1 * g
    assert history.losses == pytest.approx([loss.item()])
    torch.testing.assert_close(learner.state_dict(), by_hand.state_dict())


def test_the_rate_is_constant_and_then_falls_to_zero():
    train, _, _ = samplers()
    history = training.fit(tiny_maml(), train, 10, n_tasks=1, lr=0.5, decay=0.4, progress=False)
    wanted = [0.5] * 6 + [0.5, 0.375, 0.25, 0.125]  # and zero where step 11 would be
    assert [record["lr"] for record in history.records] == pytest.approx(wanted)


def test_the_rate_rises_over_the_first_steps():
    train, _, _ = samplers()
    for warm_up in (0.4, 4):  # a share of the steps, or their number
        history = training.fit(tiny_maml(), train, 10, n_tasks=1, lr=0.5, warm_up=warm_up, decay=0.2, progress=False)
        wanted = [0.125, 0.25, 0.375, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25]
        assert [record["lr"] for record in history.records] == pytest.approx(wanted)


@pytest.mark.parametrize("share", [0.1, 10])
def test_a_gradient_is_clipped_to_its_norm_over_all_parameters_and_only_where_it_is_longer(share):
    """Plain gradient descent with rate 1 moves the weights by the gradient itself."""
    train, _, _ = samplers()
    learner, free = tiny_maml(), tiny_maml()
    free.accumulate_gradient(train.sample_tasks(0, 0, range(3)))
    gradient = {name: p.grad for name, p in free.named_parameters() if p.grad is not None}
    length = torch.stack([g.norm() for g in gradient.values()]).norm().item()
    plain = dict(n_tasks=3, lr=1.0, decay=0, optimizer=torch.optim.SGD, progress=False)
    training.fit(learner, train, 1, clip=share * length, **plain)
    trained = dict(learner.named_parameters())
    for name, before in free.named_parameters():
        step = min(1, share) * gradient.get(name, torch.tensor(0.0))
        torch.testing.assert_close(trained[name].detach(), before.detach() - step, rtol=1e-3, atol=1e-6)


def test_the_log_has_one_line_per_step_and_the_history_says_the_same(tmp_path):
    learner, history = small_run(tmp_path, 7)
    assert read_log(tmp_path) == history.records
    assert [record["step"] for record in history.records] == list(range(1, 8))
    assert [step for step, _, _ in history.validation] == [3, 6, 7]  # every third, and the last
    assert history.seconds == history.records[-1]["seconds"] > 0


def test_best_and_last_are_the_learners_they_say_they_are(tmp_path):
    learner, history = small_run(tmp_path, 7)
    assert_same_tensors(learners.load_learner(tmp_path / "last.safetensors")[0].state_dict(), learner.state_dict())
    best, info = learners.load_learner(tmp_path / "best.safetensors")
    score = loop.evaluate(best, samplers()[1], 4, seed=0)
    accuracies = {step: accuracy for step, accuracy, _ in history.validation}
    assert score.accuracy == accuracies[info["step"]] == max(accuracies.values()) == info["best"]


def test_the_learner_remembers_its_classes_and_refuses_to_be_validated_on_them(tmp_path):
    train, _, _ = samplers()
    learner = tiny_maml()
    with pytest.raises(ValueError, match="seen in training"):
        training.fit(learner, train, 2, n_tasks=1, validate=train, out=tmp_path, progress=False)
    assert not any(tmp_path.iterdir())  # at once, and not after the first validate_every steps


def test_a_training_that_is_refused_leaves_no_mark_on_the_learner(whole):
    train, validation, _ = samplers()
    learner = tiny_maml(inner_steps=2)
    refused = dict(n_tasks=1, progress=False)
    for wrong in (dict(validate=train), dict(out=whole), dict(precision="float16"), dict(warm_up=-1), dict(clip=0)):
        with pytest.raises(ValueError):
            training.fit(learner, train, 2, **refused | wrong)
    fewer = tiny_maml(seed=1)
    with pytest.raises(ValueError, match="6 steps"):
        small_run(whole, 5, learner=fewer)
    assert learner.trained_on is None and fewer.trained_on is None
    assert_same_tensors(fewer.state_dict(), tiny_maml(seed=1).state_dict())
    loop.evaluate(learner, train, 2)


def test_a_learner_without_parameters_is_not_trained():
    with pytest.raises(ValueError, match="Weightless has no parameters to train"):
        training.fit(Weightless(3), samplers()[0], 2, progress=False)


class Weightless(learners.Learner):
    """Nothing to train."""


def test_a_learner_that_is_trained_twice_remembers_both():
    train, validation, test = samplers()
    learner = tiny_maml()
    training.fit(learner, train, 1, n_tasks=1, progress=False)
    training.fit(learner, test, 1, n_tasks=1, progress=False)
    assert learner.trained_on["groups"] == sorted([*train.images.groups, *test.images.groups])
    elsewhere = sampling.EpisodeSampler(ImageClasses(**{**vars(train.images), "hash": "other"}), 3, 1, 2)
    training.fit(learner, elsewhere, 1, n_tasks=1, progress=False)
    for seen in (train, test, elsewhere):
        with pytest.raises(ValueError, match="seen in training"):
            loop.evaluate(learner, seen, 2)
    loop.evaluate(learner, validation, 2)


@pytest.mark.parametrize("wrong", ["n_steps", "n_tasks", "validate_every", "save_every"])
def test_counts_below_one_are_refused_by_name(tmp_path, wrong):
    with pytest.raises(ValueError, match=f"{wrong}=0"):
        small_run(tmp_path / "out", **{wrong: 0})
    assert not (tmp_path / "out").exists()


def test_other_arguments_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="float16.*float32, tf32, bf16"):
        small_run(None, precision="float16")
    with pytest.raises(ValueError, match="decay=1.5"):
        small_run(None, decay=1.5)
    with pytest.raises(ValueError, match="warm_up=-1"):
        small_run(None, warm_up=-1)
    for clip in (0, -1.0):
        with pytest.raises(ValueError, match=f"clip={clip}"):
            small_run(None, clip=clip)


def test_a_loss_that_is_not_a_number_stops_the_run_and_names_the_remedy():
    learner = tiny_maml()
    with torch.no_grad():
        learner.head.weight.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="step 0 .* lower lr or inner_lr"):
        small_run(None, learner=learner)


def test_float32_is_float32_in_convolutions_too_and_nothing_stays_changed():
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with loop._precision("float32", "cpu"):
        assert not torch.backends.cudnn.allow_tf32
    with loop._precision("tf32", "cpu"):
        assert torch.backends.cudnn.allow_tf32 and torch.get_float32_matmul_precision() == "high"
    assert before == (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32)


def test_bf16_trains_weights_that_stay_in_float32():
    learner, history = small_run(None, 2, precision="bf16")
    _, exact = small_run(None, 2)
    assert {p.dtype for p in learner.parameters()} == {torch.float32}
    assert history.losses == pytest.approx(exact.losses, rel=0.1) and history.losses != exact.losses


def test_an_optimiser_may_be_a_function_with_its_own_options(tmp_path):
    momentum = functools.partial(torch.optim.SGD, momentum=0.9)
    small_run(tmp_path / "two", 2, optimizer=momentum, decay=0)
    learner, _ = small_run(tmp_path / "two", 4, optimizer=momentum, decay=0)
    wanted, _ = small_run(tmp_path / "four", 4, optimizer=momentum, decay=0)
    assert_same_tensors(learner.state_dict(), wanted.state_dict())


def test_calibration_sees_no_dropout():
    """What a test needs is measured as the test will see it."""
    modes = []

    class Watching(Noisy):
        def calibrate(self, episodes):
            modes.append(self.training)

    learner, _ = small_run(None, 2, learner=Watching())
    assert modes == [False] and learner.training


def test_the_same_weights_and_seed_give_the_same_losses_twice_in_one_python():
    """The weights are drawn when the learner is made, so the line that seeds them comes before."""
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        learner = learners.MAML(nets.Conv4(hidden=4, image_size=16), 3)
        found.append(small_run(None, 3, learner=learner)[1].losses)
    assert found[0] == found[1]


# Going on -------------------------------------------------------------------------------------


def test_a_run_killed_before_its_first_step_goes_on_from_the_same_weights(tmp_path, monkeypatch, whole):
    """Also where nobody has seeded them: another process draws other ones."""
    with monkeypatch.context() as patch, pytest.raises(pytest.fail.Exception, match="killed"):
        patch.setattr(torch.optim.Adam, "step", lambda *_: pytest.fail("killed"))
        small_run(tmp_path)
    small_run(tmp_path, learner=tiny_maml(seed=1))
    assert_same_run(tmp_path, whole)


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path, whole):
    """The other one is told so, and neither the run nor its folder notices."""
    messages = []

    class Interrupted(sampling.EpisodeSampler):
        def to(self, device):
            return self

        def sample_tasks(self, seed, step, tasks):
            if step == 3 and not messages:
                other = forkserver().Process(target=run_and_say_what_failed, args=(tmp_path,))
                other.start()
                other.join()
                messages.append((tmp_path / "message").read_text(encoding="utf-8"))
                (tmp_path / "message").unlink()
            return super().sample_tasks(seed, step, tasks)

    train, validation, _ = samplers()
    settings = dict(n_tasks=2, validate=validation, validate_every=3, n_validation=4, save_every=2, progress=False)
    training.fit(tiny_maml(), Interrupted(train.images, 3, 1, 2), 6, out=tmp_path, **settings)
    assert messages == [f"another process is training in {tmp_path}; let it end, or choose another folder"]
    assert_same_run(tmp_path, whole)
    small_run(tmp_path, 7)  # free again


def run_and_say_what_failed(out):
    """What the second process does."""
    torch.set_num_threads(1)
    try:
        small_run(out)
        message = "nothing"
    except ValueError as error:
        message = str(error)
    (out / "message").write_text(message, encoding="utf-8")


def forkserver():
    """A context for processes that share what is imported, once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "torch._dynamo", "metalearn_course.training.loop"])
    return context


def test_an_optimiser_is_known_by_its_class_and_options_however_it_was_made(tmp_path):
    def sgd(momentum):
        return lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=momentum)

    small_run(tmp_path, 2, optimizer=sgd(0.9))
    small_run(tmp_path, 3, optimizer=functools.partial(torch.optim.SGD, momentum=0.9))  # it is the same
    with pytest.raises(ValueError, match=r"optimizer\.momentum 0\.9 there, 0\.5 now"):
        small_run(tmp_path, 3, optimizer=sgd(0.5))
    setup = storage.read(tmp_path / "last.safetensors")[1]["setup"]
    assert " at 0x" not in str(setup)  # an address would be another one in the next process


def test_other_validation_classes_or_tasks_are_other_settings(whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "run")
    images = samplers()[1].images
    others = {
        "classes": sampling.EpisodeSampler(images.select([0, 1, 2, 3]), 3, 1, 2),
        "episode": sampling.EpisodeSampler(images, 3, 1, 3),
    }
    for named, validate in others.items():
        with pytest.raises(ValueError, match=rf"other settings .*validation\.{named}"):
            small_run(out, validate=validate)
    with pytest.raises(ValueError, match=r"validation\.n_episodes 4 there, 5 now"):
        small_run(out, n_validation=5)
    with pytest.raises(ValueError, match="other settings .*validation"):
        small_run(out, validate=None)
    assert_same_run(out, whole)


def test_a_file_that_is_no_checkpoint_is_named(tmp_path):
    storage.write(tmp_path / "last.safetensors", {"x": torch.ones(1)}, {"step": 3})
    with pytest.raises(ValueError, match=r"last\.safetensors holds no learner"):
        small_run(tmp_path)


def test_a_killed_run_ends_like_one_that_was_not(tmp_path):
    """Real processes, real SIGKILLs, at moments that nobody chose."""
    n_steps, n_kills, out = 40, 8, tmp_path / "killed"

    def start(folder):
        process = forkserver().Process(target=run_in_a_process, args=(folder, n_steps))
        process.start()
        return process

    def logged():
        return len((out / "log.jsonl").read_bytes().splitlines()) if (out / "log.jsonl").exists() else 0

    undisturbed = start(tmp_path / "whole")
    for kill in range(n_kills):
        process, goal = start(out), min(logged() + random.randint(0, 6 if kill else 2), n_steps - 15)
        while logged() < goal and process.is_alive():
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.02))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    for process in (start(out), undisturbed):
        process.join()
        assert process.exitcode == 0
    assert_same_run(out, tmp_path / "whole")


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_crash_at_any_write_changes_nothing(tmp_path, whole, monkeypatch, done):
    """Every rename of a file in turn is the last thing that happens, or the first that does not."""
    replace = os.replace
    for crash in range(100):
        out, calls = tmp_path / str(crash), []

        def crashing(source, target, crash=crash, calls=calls):
            calls.append(target)
            if len(calls) <= crash or done:
                replace(source, target)
            if len(calls) == crash + 1:
                pytest.fail("crash")

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", crashing)
            try:
                small_run(out)
                break  # more crashes than writes
            except pytest.fail.Exception:
                pass
        small_run(out)
        assert_same_run(out, whole)
    assert crash >= 5  # the log, a best checkpoint and three last ones at least


def test_going_on_does_not_forget_how_good_the_best_learner_was(tmp_path, monkeypatch):
    accuracies = iter([0.9, 0.8, 0.7])
    monkeypatch.setattr(loop, "evaluate", lambda *a, **k: SimpleNamespace(accuracy=next(accuracies), ci95=0.1))
    small_run(tmp_path, 4)  # validated after steps 3 and 4, and then after step 6
    small_run(tmp_path, 6)
    assert storage.read(tmp_path / "best.safetensors")[1]["step"] == 3
    assert storage.read(tmp_path / "last.safetensors")[1]["best"] == 0.9


def test_of_two_learners_that_are_equally_good_the_first_is_the_best(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "evaluate", lambda *a, **k: SimpleNamespace(accuracy=0.9, ci95=0.1))
    small_run(tmp_path, 6)
    assert storage.read(tmp_path / "best.safetensors")[1]["step"] == 3


def test_a_log_longer_than_the_checkpoint_is_cut_back(stopped, whole):
    _, history = small_run(stopped)
    assert_same_run(stopped, whole)
    assert without_time(history) == without_time(whole)


def test_half_a_line_at_the_end_of_the_log_does_not_matter(stopped, whole):
    with open(stopped / "log.jsonl", "a", encoding="utf-8") as log:
        log.write('{"step": 4, "lo')
    small_run(stopped)
    assert_same_run(stopped, whole)


def test_a_log_without_a_checkpoint_starts_again(stopped, whole):
    (stopped / "last.safetensors").unlink()
    small_run(stopped)
    assert_same_run(stopped, whole)


def test_the_best_learner_of_a_run_that_never_reached_a_checkpoint_is_not_taken_for_this_one(stopped):
    (stopped / "last.safetensors").unlink()
    assert (stopped / "best.safetensors").exists()
    small_run(stopped, learner=tiny_maml(seed=1), validate=None)
    assert not (stopped / "best.safetensors").exists()


def test_a_checkpoint_half_written_when_the_process_died_is_swept_away(stopped, whole):
    (stopped / "last.safetensors.4711.part").write_bytes(b"half")
    small_run(stopped)
    assert_same_run(stopped, whole)


@pytest.mark.parametrize("damage", ["short", "torn", "missing", "of other steps"])
def test_a_log_that_does_not_reach_the_checkpoint_is_an_error(whole, tmp_path, damage):
    out = shutil.copytree(whole, tmp_path / "run")
    lines = (out / "log.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (out / "log.jsonl").unlink()
    if damage != "missing":
        kept = {"short": lines[:-1], "torn": [*lines[:-1], lines[-1][:20]], "of other steps": [lines[0], *lines[:-1]]}
        (out / "log.jsonl").write_text("".join(kept[damage]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"log\.jsonl does not hold the 6 steps .* delete"):
        small_run(out, 8)


def test_a_damaged_checkpoint_is_an_error_that_names_file_and_remedy(stopped):
    path = stopped / "last.safetensors"
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"last\.safetensors is damaged.* delete .* to start the run again"):
            small_run(stopped)
    assert len(read_log(stopped)) == 3  # and the rest is as it was


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (dict(lr=0.5), "lr 0.001 there, 0.5 now"),
        (dict(seed=1), "seed"),
        (dict(n_tasks=3), "n_tasks"),
        (dict(decay=0.0), "decay"),
        (dict(precision="bf16"), "precision"),
        (dict(warm_up=0.5), "warm_up 0 there, 0.5 now"),
        (dict(clip=1.0), "clip None there, 1.0 now"),
        (dict(optimizer=torch.optim.SGD), r"optimizer\.name 'Adam' there, 'SGD' now"),
        (dict(learner=tiny_maml(inner_steps=2)), r"learner\.inner_steps 1 there, 2 now"),
        (dict(learner=Noisy()), r"learner\.name 'MAML' there, 'Noisy' now"),
    ],
)
def test_other_settings_are_refused_and_named(whole, tmp_path, change, named):
    out = shutil.copytree(whole, tmp_path / "run")
    with pytest.raises(ValueError, match=f"other settings .*{named}.*choose another folder"):
        small_run(out, **change)
    assert_same_run(out, whole)


def test_other_classes_are_refused_even_if_they_are_as_many(whole):
    other = sampling.EpisodeSampler(easy_classes().split(seed=1, sizes=(15, 5, 10))[0], 3, 1, 2)
    with pytest.raises(ValueError, match=r"other settings .*training classes\.groups"):
        training.fit(tiny_maml(), other, 8, n_tasks=2, out=whole, progress=False)


def test_more_steps_go_on_where_the_run_ended(whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "run")
    learner, history = small_run(out, 9)
    assert without_time(history)[:6] == without_time(whole)
    assert [record["step"] for record in read_log(out)] == list(range(1, 10))
    by_hand = learners.load_learner(whole / "last.safetensors")[0]
    assert not torch.equal(by_hand.head.weight, learner.head.weight)
    assert history.seconds > read_log(whole)[-1]["seconds"]


def test_a_finished_run_started_again_gives_its_learner_and_history_at_once(whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "run")
    learner, history = small_run(out)
    assert history.records == read_log(whole)
    assert_same_tensors(learner.state_dict(), learners.load_learner(whole / "last.safetensors")[0].state_dict())


def test_fewer_steps_than_the_run_has_are_refused(whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "run")
    with pytest.raises(ValueError, match="a run of 6 steps"):
        small_run(out, 5)
    assert_same_run(out, whole)


def test_settings_that_json_changes_are_still_the_same_settings(tmp_path):
    """A learner may well have a tuple among its settings; JSON makes a list of it."""
    learner = tiny_maml()
    learner.config["sizes"] = (3, 4)
    small_run(tmp_path, 2, learner=learner)
    _, history = small_run(tmp_path, 3, learner=learner)
    assert len(history.losses) == 3


def test_notes_are_kept_in_the_checkpoints(tmp_path):
    small_run(tmp_path, 3, notes={"command": "by hand"})
    for name in ("last", "best"):
        assert storage.read(tmp_path / f"{name}.safetensors")[1]["notes"] == {"command": "by hand"}


# Noise ----------------------------------------------------------------------------------------


def test_the_noise_of_a_task_is_a_function_of_seed_step_and_task():
    learner = Noisy()
    three, one = learner.noise_for(7, 2, range(3)), learner.noise_for(7, 2, [1])
    assert three.shape == (3, 3, learner.net.out_features)
    assert torch.equal(three[1:2], one)
    for other in (learner.noise_for(8, 2, [1]), learner.noise_for(7, 3, [1]), learner.noise_for(7, 2, [0])):
        assert not torch.equal(one, other)


def test_a_noisy_run_that_goes_on_is_the_run_that_never_stopped(tmp_path):
    settings = dict(decay=0.0, validate=None)  # the rate does not depend on n_steps
    small_run(tmp_path / "parts", 2, learner=Noisy(), **settings)
    found, _ = small_run(tmp_path / "parts", 4, learner=Noisy(seed=1), **settings)
    wanted, _ = small_run(tmp_path / "whole", 4, learner=Noisy(), **settings)
    assert_same_tensors(found.state_dict(), wanted.state_dict())
    assert without_time(tmp_path / "parts") == without_time(tmp_path / "whole")
