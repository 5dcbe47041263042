from __future__ import annotations

from dlstudy.models.bert import BERT, MaskedLanguageModel
from tests.models.inputs import Small, pair_of_segments

SMALL = {
    "bert": Small(lambda: BERT(23, 12, 16, 2, 4), pair_of_segments, (12, 1, 7)),
    "bert_masked": Small(
        lambda: MaskedLanguageModel(BERT(23, 12, 16, 2, 4, pooler=False)), pair_of_segments, (12, 1, 7)
    ),
}
