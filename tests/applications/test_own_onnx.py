"""The adapted classifier for programs without PyTorch, where the packages for it are installed."""

import pytest
import torch
from helpers import easy_classes, samplers
from small_learners import made

from metalearn_course.applications import own_files, own_storage
from metalearn_course.applications.own_pictures import OwnClassifier


@pytest.mark.filterwarnings("ignore")
def test_onnx_answers_alike_for_any_number_of_pictures(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from onnx.reference import ReferenceEvaluator

    learner = made("protonet")
    learner.calibrate(samplers()[0].sample_tasks(0, 0, range(4)))
    classifier = OwnClassifier(learner, {name: x[:2] for name, x in own_files.by_name(easy_classes(3, 8)).items()})
    own_storage.write_onnx(tmp_path / "mine.onnx", classifier)
    program = ReferenceEvaluator(onnx.load(tmp_path / "mine.onnx"))
    for n in (1, 4):
        x = torch.rand(n, 1, 16, 16, generator=torch.Generator().manual_seed(n))
        (found,) = program.run(None, {program.input_names[0]: x.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), classifier.scores(x)[0], rtol=1e-4, atol=1e-5)
