"""The label-budget slider: how good each way of learning is with 5, 10, 20 or 50 labels of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet
from dlstudy.training.gains import paired

LOOKS = (("blue", ""), ("orange", "7 3"), ("green", "2 3"), ("purple", "8 3 2 3"))


class LabelBudget(Figure):
    """Recorded accuracies of several ways of learning, one setting of the slider for each number of labels.

    Args:
        runs: for each way of learning, for each number of labels, its accuracies in per cent, one for each seed and in
            the same order of seeds.
        guessing: what guessing would reach, in per cent.
        test: how many images were judged, for the caption.

    Everything is sent to the browser at once, so the slider answers without the kernel. `place` is the slider's
    position. Raises ValueError where the ways do not have the same numbers of labels and seeds.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    report = traitlets.Dict().tag(sync=True)
    place = traitlets.Int(0, min=0).tag(sync=True)

    def __init__(self, runs: Mapping[str, Mapping[int, Sequence[float]]], *, guessing: float, test: int) -> None:
        first = next(iter(runs.values()))
        budgets = sorted(first)
        shapes = {name: {k: len(values) for k, values in rows.items()} for name, rows in runs.items()}
        if any(shape != shapes[next(iter(runs))] for shape in shapes.values()):
            raise ValueError(f"expected the same labels and seeds for every way of learning, got {shapes}")
        if len(runs) > len(LOOKS):
            raise ValueError(f"expected at most {len(LOOKS)} ways of learning, got {len(runs)}")
        ways = [
            {
                "name": name,
                "colour": colour,
                "dash": dash,
                "seeds": [[float(v) for v in rows[k]] for k in budgets],
                "mean": [sum(rows[k]) / len(rows[k]) for k in budgets],
            }
            for (name, rows), (colour, dash) in zip(runs.items(), LOOKS)
        ]
        words = [words_on(runs, k) for k in budgets]
        report = {"budgets": budgets, "ways": ways, "words": words, "guessing": guessing, "test": test}
        super().__init__(report=report)


def words_on(runs: Mapping[str, Mapping[int, Sequence[float]]], budget: int) -> str:
    """Say which way is best with so many labels, and how sure that is: its lead over the second, paired over seeds.

    Raises ValueError where there is only one seed, which says nothing about how sure it is.
    """
    means = {name: sum(rows[budget]) / len(rows[budget]) for name, rows in runs.items()}
    best, second = sorted(means, key=lambda name: means[name], reverse=True)[:2]
    lead = paired(runs[best][budget], runs[second][budget])
    sure = "more than two standard errors" if lead.clear else "too little to tell them apart"
    listed = ", ".join(f"{name} {mean:.0f} %" for name, mean in means.items())
    return (
        f"{budget} labels of each class: {listed}. “{best}” leads “{second}” by {lead:.1f} points over "
        f"{len(runs[best][budget])} paired seeds: {sure}."
    )
