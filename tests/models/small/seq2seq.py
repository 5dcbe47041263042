from __future__ import annotations

from dlstudy.models.seq2seq import Seq2Seq
from tests.models.inputs import Small, source_and_target_unpadded

SMALL = {"seq2seq": Small(lambda: Seq2Seq(23, 19, 6, 8), source_and_target_unpadded, (6, 1, 7))}
