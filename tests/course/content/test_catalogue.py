"""The roadmap against the study guide's table, and what the catalogue says of folders that hold this or that."""

import io
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dlstudy.course.content import catalogue, paths
from dlstudy.course.content.catalogue import Lesson, UnknownLesson
from dlstudy.course.content.lessonfile import LessonError

SEEDS = Path(__file__).resolve().parents[3].parent / "shared" / "seeds"
GROUPS = [
    ("Basics", "PyTorch + NumPy Comparison"),
    ("CNN", "PyTorch-centric, Basics with NumPy Comparison"),
    ("Sequence Models", "PyTorch only"),
    ("Practical", "PyTorch only"),
    ("Generative Models", "PyTorch only"),
    ("Advanced Techniques", "PyTorch only"),
    ("Object Detection/Segmentation", "PyTorch only"),
    ("Visualization/Tools", "PyTorch only"),
    ("Training Components", "PyTorch only"),
]
# file, group's place, stars, topics
FACTS = [
    ("01_Tensors_and_Autograd.md", 0, 1, "Tensor, Automatic Differentiation, GPU"),
    ("02_Neural_Network_Basics.md", 0, 2, "Perceptron, MLP, Activation Functions"),
    ("03_Backpropagation.md", 0, 2, "Chain Rule, Gradient Descent, Loss Functions"),
    ("04_Training_Techniques.md", 0, 2, "Optimizers, Batching, Regularization"),
    ("05_CNN_Basics.md", 1, 2, "Convolution, Pooling, Filters"),
    ("06_CNN_Advanced.md", 1, 3, "ResNet, VGG, EfficientNet"),
    ("07_Transfer_Learning.md", 1, 3, "Pretrained Models, Fine-tuning"),
    ("08_RNN_Basics.md", 2, 3, "Recurrent Neural Networks, Vanishing Gradients"),
    ("09_LSTM_GRU.md", 2, 3, "Long-term Dependencies, Gate Structures"),
    ("10_Attention_Transformer.md", 2, 4, "Attention, Transformer"),
    ("11_Training_Optimization.md", 3, 3, "AMP, Gradient Accumulation, Hyperparameters"),
    ("12_Model_Saving_Deployment.md", 3, 3, "TorchScript, ONNX, Quantization"),
    ("13_Practical_Image_Classification.md", 3, 4, "CIFAR-10, Data Augmentation, Mixup"),
    ("14_Practical_Text_Classification.md", 3, 4, "Sentiment Analysis, LSTM/Transformer"),
    ("15_Generative_Models_GAN.md", 4, 3, "GAN, DCGAN, Loss Functions, StyleGAN"),
    ("16_Generative_Models_VAE.md", 4, 3, "VAE, ELBO, Reparameterization, Beta-VAE"),
    ("17_Diffusion_Models.md", 4, 4, "DDPM, DDIM, U-Net, Stable Diffusion"),
    ("18_Attention_Deep_Dive.md", 4, 4, "Flash Attention, Sparse Attention, RoPE, ALiBi"),
    ("19_Vision_Transformer.md", 5, 4, "ViT Architecture, Patch Embedding, CLS Token, DeiT, Swin Transformer"),
    ("20_CLIP_Multimodal.md", 5, 4, "CLIP Principles, Zero-shot Classification, Image-Text Matching, BLIP"),
    ("21_Self_Supervised_Learning.md", 5, 4, "SimCLR, MoCo, BYOL, MAE, Contrastive Learning"),
    ("22_Reinforcement_Learning_Intro.md", 5, 3, "MDP Basics, Q-Learning Concepts, Policy Gradient Overview"),
    ("23_Object_Detection.md", 6, 4, "YOLO, Faster R-CNN, DETR, Mask R-CNN, SAM"),
    ("24_TensorBoard.md", 7, 2, "Training visualization, metric logging, hyperparameter tracking, profiling"),
    ("25_Loss_Functions.md", 8, 3, "MSE, Cross-Entropy, Focal, Dice, Contrastive, Triplet, InfoNCE"),
    ("26_Optimizers.md", 8, 3, "SGD, Adam, AdamW, LAMB, LR Schedulers, Gradient Clipping"),
    ("27_Normalization_Layers.md", 8, 3, "BatchNorm, LayerNorm, GroupNorm, RMSNorm, InstanceNorm"),
]
BOTH = {1, 2, 3, 4, 5}
"""Lessons whose note says PyTorch + NumPy."""

FRONT = """---
number: '{number}'
stars: '1'
track: basics
minutes: '180'
needs: ''
code: dlstudy/scratch/tensor.py
budget: '20'
title: {title}
---

# {title}

```python {{.marimo name="check_second"}}
page.check("second")
```

```python {{.marimo name="check_first"}}
page.check("first"); page.quiz("views"); page.quiz("extra")
```
"""


def rows(lessons: list[Lesson]) -> list[tuple[str, str, int, str, str]]:
    return [(lesson.file, lesson.group, lesson.stars, lesson.topics, lesson.notes) for lesson in lessons]


def test_roadmap_holds_the_facts_of_the_study_guide(tmp_path: Path) -> None:
    loaded = catalogue.load(tmp_path)
    assert [(group.name, group.note) for group in loaded.groups] == GROUPS
    expected = [
        (file, GROUPS[group][0], stars, topics, "PyTorch + NumPy" if int(file[:2]) in BOTH else "PyTorch only")
        for file, group, stars, topics in FACTS
    ]
    assert rows(loaded.lessons) == expected
    assert [lesson.number for lesson in loaded.lessons] == list(range(1, 28))


def test_roadmap_equals_the_table_it_was_commissioned_with() -> None:
    tables = [file.read_text(encoding="utf-8") for file in SEEDS.glob("*.txt")] if SEEDS.is_dir() else []
    tables = [text for text in tables if "## File List" in text]
    if not tables:
        pytest.skip("the commissioned overview is not beside this checkout; the copy of its facts was held instead")
    group = ""
    expected = []
    for line in tables[0].split("## File List")[1].split("## NumPy vs")[0].splitlines():
        if heading := re.match(r"### (.*) \((.*)\)$", line):
            group = heading[1]
        if row := re.match(r"\| \[([^]]+)]\(\./([^)]+)\) \| (⭐+) \| (.*?) \| (.*?) \|$", line):
            assert row[1] == row[2]
            expected.append((row[1], group, len(row[3]), row[4], row[5]))
    assert len(expected) == 27
    assert rows(catalogue.load().lessons) == expected


def test_every_lesson_needs_only_lessons_that_exist_and_the_needs_have_no_circle(tmp_path: Path) -> None:
    lessons = {lesson.number: lesson for lesson in catalogue.load(tmp_path).lessons}
    for number, lesson in lessons.items():
        assert lesson.needs == tuple(sorted(lesson.needs)), lesson.file
        assert all(need in lessons and need < number for need in lesson.needs), lesson.file
    # The guide's own remarks on the lessons that are taken out of their number's order.
    assert {n: lessons[n].when for n in range(23, 28)} == {
        23: "week 10", 24: "beside 11", 25: "after 04", 26: "after 11", 27: "after 10",
    }  # fmt: skip
    assert 4 in lessons[25].needs
    assert 11 in lessons[26].needs
    assert 10 in lessons[27].needs


def test_core_study_time_keeps_to_the_limits(tmp_path: Path) -> None:
    for lesson in catalogue.load(tmp_path).lessons:
        assert 30 <= lesson.minutes <= (300 if lesson.number in (10, 17, 23) else 180), lesson.file


@pytest.mark.parametrize("name", ["1", "01", "001", "01_Tensors_and_Autograd", "01_tensors_and_autograd.md",
                                  "Tensors and Autograd", " 1 "])  # fmt: skip
def test_find_takes_every_usual_name(name: str, tmp_path: Path) -> None:
    assert catalogue.load(tmp_path).find(name).file == "01_Tensors_and_Autograd.md"


def test_find_names_the_nearest_lessons(tmp_path: Path) -> None:
    loaded = catalogue.load(tmp_path)
    assert loaded.find("0") is loaded.overview
    with pytest.raises(UnknownLesson, match="lessons go from 1 to 27"):
        loaded.find("28")
    with pytest.raises(UnknownLesson, match="10 Attention and the Transformer"):
        loaded.find("trasnformer")
    with pytest.raises(UnknownLesson, match="01 Tensors and Autograd"):
        loaded.find("01_Tensor_and_Autgrad")
    with pytest.raises(UnknownLesson, match=r"no lesson called 'qqqq'. See them all"):
        loaded.find("qqqq")


def test_search_looks_in_titles_and_topics(tmp_path: Path) -> None:
    loaded = catalogue.load(tmp_path)
    assert [lesson.number for lesson in loaded.search("resnet")] == [6]
    assert [lesson.number for lesson in loaded.search("attention")] == [10, 18]
    assert [lesson.number for lesson in loaded.search("LR schedulers")] == [26]
    assert loaded.search("qqqq") == []
    assert loaded.search(" ") == []


@pytest.fixture
def content(tmp_path: Path) -> Path:
    (tmp_path / "lessons").mkdir()
    page = FRONT.format(number=1, title="Tensors and Autograd")
    (tmp_path / "lessons" / "01_Tensors_and_Autograd.md").write_text(page, encoding="utf-8")
    for order, (slug, level) in enumerate([("second", "core"), ("first", "core"), ("third", "further")]):
        folder = tmp_path / "exercises" / "01" / slug
        folder.mkdir(parents=True)
        (folder / "exercise.toml").write_text(f'level = "{level}"\norder = {order}\n', encoding="utf-8")
    asked = 'question = "Is it?"\noptions = [{ text = "Yes", correct = true }, { text = "No" }]\n'
    quiz = f'[[question]]\nid = "views"\n{asked}[[question]]\nid = "extra"\nlevel = "further"\n{asked}'
    (tmp_path / "exercises" / "01" / "quiz.toml").write_text(quiz, encoding="utf-8")
    return tmp_path


def test_written_lessons_list_their_parts_in_the_order_of_the_page(content: Path) -> None:
    loaded = catalogue.load(content)
    lesson = loaded.find("1")
    assert lesson.written
    assert not loaded.find("2").written
    assert lesson.exercises == ("second", "first", "third")
    assert lesson.quiz == ("views", "extra")
    assert lesson.core == {"first", "second", "views"}
    assert (lesson.minutes, lesson.needs) == (180, ()), "as the page says, not as the one that ships"


def test_completion_counts_passes_and_right_answers_and_needs_core_only(content: Path) -> None:
    lesson = catalogue.load(content).find("1")
    exercises = {"first": {"passed": True}, "second": {"passed": False}, "gone": {"passed": True}}
    state = {"exercises": exercises, "quiz": {"views": {"option": "a", "correct": False}}}
    assert catalogue.completion(lesson, {"lessons": {"01": state}})["done"] == 1, "a wrong answer is not done"
    state["quiz"]["views"] = {"option": "b", "correct": True}
    assert catalogue.completion(lesson, {"lessons": {"01": state}}) == {
        "done": 2, "total": 5, "core_done": 2, "core_total": 3, "complete": False,
    }  # fmt: skip
    exercises["second"]["passed"] = True
    assert catalogue.completion(lesson, {"lessons": {"01": state}}) == {
        "done": 3, "total": 5, "core_done": 3, "core_total": 3, "complete": True,
    }  # fmt: skip
    assert catalogue.completion(lesson, {}) == {
        "done": 0, "total": 5, "core_done": 0, "core_total": 3, "complete": False,
    }  # fmt: skip


def test_a_planned_lesson_is_never_complete(tmp_path: Path) -> None:
    assert catalogue.completion(catalogue.load(tmp_path).find("2"), {})["complete"] is False


def test_broken_exercise_file_is_named(content: Path) -> None:
    (content / "exercises" / "01" / "first" / "exercise.toml").write_text("level = core", encoding="utf-8")
    with pytest.raises(LessonError, match=r"01/first/exercise\.toml is not TOML"):
        catalogue.load(content)


# ---- who tells what -------------------------------------------------------------------------------------------------


def test_a_written_lesson_s_facts_stand_in_its_page_alone() -> None:
    roadmap = tomllib.loads(catalogue.ROADMAP.read_text(encoding="utf-8"))
    planned = [roadmap["overview"], *(lesson for group in roadmap["group"] for lesson in group["lesson"])]
    for lesson in planned:
        written = (paths.shipped_root() / "lessons" / lesson["file"]).is_file()
        keys = {"file", "topics", "notes", "when"} | (set() if written else set(catalogue.OF_THE_PAGE))
        assert set(lesson) == keys, lesson["file"]


def test_a_page_that_does_not_tell_its_facts_is_named(content: Path) -> None:
    page = content / "lessons" / "01_Tensors_and_Autograd.md"
    page.write_text(page.read_text(encoding="utf-8").replace("minutes: '180'\n", ""), encoding="utf-8")
    with pytest.raises(LessonError, match=r"01_Tensors_and_Autograd\.md: front matter: minutes is missing"):
        catalogue.load(content)


def test_a_page_and_its_facts_are_looked_at_again_when_they_have_changed(content: Path) -> None:
    page = content / "lessons" / "01_Tensors_and_Autograd.md"
    assert catalogue.load(content).find("1").minutes == 180
    page.write_text(page.read_text(encoding="utf-8").replace("'180'", "95"), encoding="utf-8")
    assert catalogue.load(content).find("1").minutes == 95
    page.unlink()
    assert not catalogue.load(content).find("1").written


def test_every_page_is_found_by_its_file(tmp_path: Path) -> None:
    loaded = catalogue.load(tmp_path)
    assert [lesson.number for lesson in loaded.pages] == list(range(28))
    assert all(loaded.of_file(lesson.file) is lesson for lesson in loaded.pages)
    assert loaded.of_file("Glossary.md") is None


# ---- what it costs --------------------------------------------------------------------------------------------------


def test_the_text_of_a_lesson_is_not_read(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home page asks for the catalogue at every look, and there will be 27 long lessons."""
    page = content / "lessons" / "01_Tensors_and_Autograd.md"
    long = "All work and no play. " * 50 + "\n"
    page.write_text(page.read_text(encoding="utf-8") + 5_000 * long, encoding="utf-8")
    exercise = content / "exercises" / "01" / "first" / "exercise.toml"
    text = f'title = "One"\nlevel = "core"\norder = 1\ntask = """\n{5_000 * long}"""\n'
    exercise.write_text(text, encoding="utf-8")
    read: Counter[str] = Counter()

    class Counting(io.FileIO):
        def readinto(self, buffer: Any) -> int:
            got = super().readinto(buffer)
            read[Path(str(self.name)).name] += got
            return got

        def readall(self) -> bytes:
            found = super().readall()
            read[Path(str(self.name)).name] += len(found)
            return found

    def counted(path: Path, mode: str = "r", *_: Any, encoding: str | None = None, **__: Any) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BufferedReader(Counting(str(path), mode)), encoding=encoding)

    monkeypatch.setattr(Path, "open", counted)
    lesson = catalogue.load(content).find("1")
    assert lesson.written
    assert lesson.exercises == ("second", "first", "third")
    assert 0 < read[page.name] <= 20_000
    assert 0 < read[exercise.name] <= 30_000, "of three exercises"
    before = read.copy()
    catalogue.load(content)
    assert read == before, "what has not changed is not read again"
