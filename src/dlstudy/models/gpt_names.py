"""Names of GPT-2's weights, as the transformers library and the official files have them, and ours."""

import re

import torch

from dlstudy.models.renaming import State, renamed

_TO_OURS = (
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
_BUFFERS = re.compile(r"\.attn\.(masked_)?bias$")
"""The causal mask, which old files carry with them."""
_TRANSPOSED = re.compile(r"\.(c_attn|out_proj|up|down)\.weight$")
"""GPT-2's linear layers ("Conv1D") keep their weights as (in, out)."""
_QKV = ("q_proj", "k_proj", "v_proj")


def to_ours(state: State) -> State:
    """From `transformers.GPT2LMHeadModel`, or GPT-2's official file, to `dlstudy.models.gpt.GPT`.

    The head is the token embedding once more and is left out.
    """
    ours: State = {}
    for name, value in state.items():
        if name == "lm_head.weight" or _BUFFERS.search(name):
            continue
        name = renamed(name, _TO_OURS)
        if _TRANSPOSED.search(name):
            value = value.t()
        if ".c_attn." in name:  # queries, keys and values in one matrix
            for part, piece in zip(_QKV, value.chunk(3), strict=True):
                ours[name.replace("c_attn", part)] = piece
        else:
            ours[name] = value
    return ours


_TO_OFFICIAL = (
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


def to_official(state: State) -> State:
    """From `dlstudy.models.gpt.GPT` to `transformers.GPT2LMHeadModel`, the head included."""
    theirs: State = {}
    for name, value in state.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            value = torch.cat([state[name.replace("q_proj", part)] for part in _QKV])
        if value.dim() == 2 and name.startswith("blocks."):
            value = value.t()
        theirs[renamed(name, _TO_OFFICIAL)] = value
    if "token_embedding.weight" in state:
        theirs["lm_head.weight"] = state["token_embedding.weight"]
    return theirs
