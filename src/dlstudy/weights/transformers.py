"""Names of the language models' checkpoints, as the transformers library and the official files have them, and ours.

Each function takes a state dict and returns one under the other side's names; weights are views where they can be.
Names that it does not know stay as they are, so that strict loading complains of them.
"""

import re

import torch
from torch import Tensor

State = dict[str, Tensor]

_GPT2_TO_OURS = (
    (r"^transformer\.", ""),
    (r"^wte\.", "token_embedding."),
    (r"^wpe\.", "positions."),
    (r"^ln_f\.", "norm."),
    (r"^h\.(\d+)\.", r"blocks.\1."),
    (r"\.ln_1\.", ".norm1."),
    (r"\.ln_2\.", ".norm2."),
    (r"\.attn\.c_proj\.", ".attention.out_proj."),
    (r"\.attn\.c_attn\.", ".attention.c_attn."),
    (r"\.mlp\.c_fc\.", ".mlp.up."),
    (r"\.mlp\.c_proj\.", ".mlp.down."),
)
_GPT2_BUFFERS = re.compile(r"\.attn\.(masked_)?bias$")
"""The causal mask, which old files carry with them."""
_GPT2_TRANSPOSED = re.compile(r"\.(c_attn|out_proj|up|down)\.weight$")
"""GPT-2's linear layers ("Conv1D") keep their weights as (in, out)."""
_QKV = ("q_proj", "k_proj", "v_proj")


def _renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def gpt2_to_ours(state: State) -> State:
    """From `transformers.GPT2LMHeadModel`, or GPT-2's official file, to `dlstudy.models.gpt.GPT`.

    The head is the token embedding once more and is left out.
    """
    ours: State = {}
    for name, value in state.items():
        if name == "lm_head.weight" or _GPT2_BUFFERS.search(name):
            continue
        name = _renamed(name, _GPT2_TO_OURS)
        if _GPT2_TRANSPOSED.search(name):
            value = value.t()
        if ".c_attn." in name:  # queries, keys and values in one matrix
            for part, piece in zip(_QKV, value.chunk(3), strict=True):
                ours[name.replace("c_attn", part)] = piece
        else:
            ours[name] = value
    return ours


_GPT2_FROM_OURS = (
    (r"^token_embedding\.", "transformer.wte."),
    (r"^positions\.", "transformer.wpe."),
    (r"^norm\.", "transformer.ln_f."),
    (r"^blocks\.(\d+)\.", r"transformer.h.\1."),
    (r"\.norm1\.", ".ln_1."),
    (r"\.norm2\.", ".ln_2."),
    (r"\.attention\.out_proj\.", ".attn.c_proj."),
    (r"\.attention\.q_proj\.", ".attn.c_attn."),
    (r"\.mlp\.up\.", ".mlp.c_fc."),
    (r"\.mlp\.down\.", ".mlp.c_proj."),
)


def ours_to_gpt2(state: State) -> State:
    """From `dlstudy.models.gpt.GPT` to `transformers.GPT2LMHeadModel`, the head included."""
    theirs: State = {}
    for name, value in state.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            value = torch.cat([state[name.replace("q_proj", part)] for part in _QKV])
        if value.dim() == 2 and name.startswith("blocks."):
            value = value.t()
        theirs[_renamed(name, _GPT2_FROM_OURS)] = value
    if "token_embedding.weight" in state:
        theirs["lm_head.weight"] = state["token_embedding.weight"]
    return theirs


_BERT_TO_OURS = (
    (r"\.gamma$", ".weight"),  # names of the first files, from TensorFlow
    (r"\.beta$", ".bias"),
    (r"^embeddings\.word_embeddings\.", "token_embedding."),
    (r"^embeddings\.token_type_embeddings\.", "segment_embedding."),
    (r"^embeddings\.position_embeddings\.", "positions."),
    (r"^embeddings\.LayerNorm\.", "norm."),
    (r"^encoder\.layer\.(\d+)\.", r"layers.\1."),
    (r"\.attention\.self\.query\.", ".attention.q_proj."),
    (r"\.attention\.self\.key\.", ".attention.k_proj."),
    (r"\.attention\.self\.value\.", ".attention.v_proj."),
    (r"\.attention\.output\.dense\.", ".attention.out_proj."),
    (r"\.attention\.output\.LayerNorm\.", ".norm1."),
    (r"\.intermediate\.dense\.", ".feed_forward.up."),
    (r"^(layers\.\d+)\.output\.dense\.", r"\1.feed_forward.down."),
    (r"^(layers\.\d+)\.output\.LayerNorm\.", r"\1.norm2."),
    (r"^pooler\.dense\.", "pooler."),
)
_MLM_TO_OURS = (
    (r"\.gamma$", ".weight"),
    (r"\.beta$", ".bias"),
    (r"^cls\.predictions\.transform\.dense\.", "transform."),
    (r"^cls\.predictions\.transform\.LayerNorm\.", "norm."),
    (r"^cls\.predictions\.bias$", "bias"),
)


def bert_to_ours(state: State) -> State:
    """From `transformers.BertModel`, or BERT's official file, to `dlstudy.models.bert.BERT`.

    The heads of the official file (guessing hidden tokens, and whether two sentences follow each other) and its list of
    positions 0 to 511 are left out.
    """
    names = {name: name.removeprefix("bert.") for name in state if not name.startswith("cls.")}
    return {
        _renamed(name, _BERT_TO_OURS): state[full] for full, name in names.items() if name != "embeddings.position_ids"
    }


def masked_bert_to_ours(state: State) -> State:
    """From `transformers.BertForMaskedLM`, or BERT's official file, to `dlstudy.models.bert.MaskedLanguageModel`.

    Left out are the pooler, the head for pairs of sentences, and the token embeddings and the bias where they come once
    more as the layer "decoder".
    """
    ours = {f"bert.{name}": value for name, value in bert_to_ours(state).items() if not name.startswith("pooler.")}
    for name, value in state.items():
        if name.startswith("cls.") and not name.startswith(("cls.seq_relationship.", "cls.predictions.decoder.")):
            ours[_renamed(name, _MLM_TO_OURS)] = value
    return ours


_BERT_FROM_OURS = (
    (r"^token_embedding\.", "embeddings.word_embeddings."),
    (r"^segment_embedding\.", "embeddings.token_type_embeddings."),
    (r"^positions\.", "embeddings.position_embeddings."),
    (r"^norm\.", "embeddings.LayerNorm."),
    (r"^layers\.(\d+)\.", r"encoder.layer.\1."),
    (r"\.attention\.q_proj\.", ".attention.self.query."),
    (r"\.attention\.k_proj\.", ".attention.self.key."),
    (r"\.attention\.v_proj\.", ".attention.self.value."),
    (r"\.attention\.out_proj\.", ".attention.output.dense."),
    (r"\.norm1\.", ".attention.output.LayerNorm."),
    (r"\.feed_forward\.up\.", ".intermediate.dense."),
    (r"\.feed_forward\.down\.", ".output.dense."),
    (r"\.norm2\.", ".output.LayerNorm."),
    (r"^pooler\.", "pooler.dense."),
)
_MLM_FROM_OURS = (
    (r"^transform\.", "cls.predictions.transform.dense."),
    (r"^norm\.", "cls.predictions.transform.LayerNorm."),
    (r"^bias$", "cls.predictions.bias"),
)


def ours_to_bert(state: State) -> State:
    """From `dlstudy.models.bert.BERT` to `transformers.BertModel`."""
    return {_renamed(name, _BERT_FROM_OURS): value for name, value in state.items()}


def ours_to_masked_bert(state: State) -> State:
    """From `dlstudy.models.bert.MaskedLanguageModel` to `transformers.BertForMaskedLM`, the tied "decoder" included."""
    encoder = {name.removeprefix("bert."): value for name, value in state.items() if name.startswith("bert.")}
    theirs = {f"bert.{name}": value for name, value in ours_to_bert(encoder).items()}
    theirs |= {_renamed(name, _MLM_FROM_OURS): value for name, value in state.items() if not name.startswith("bert.")}
    if "bert.token_embedding.weight" in state:
        theirs["cls.predictions.decoder.weight"] = state["bert.token_embedding.weight"]
    if "bias" in state:
        theirs["cls.predictions.decoder.bias"] = state["bias"]
    return theirs
