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
