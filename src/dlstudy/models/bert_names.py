"""Names of BERT's weights, as the transformers library and the official files have them, and ours."""

from dlstudy.models.renaming import State, renamed

_TO_OURS = (
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


def to_ours(state: State) -> State:
    """From `transformers.BertModel`, or BERT's official file, to `dlstudy.models.bert.BERT`.

    The heads of the official file (guessing hidden tokens, and whether two sentences follow each other) and its list of
    positions 0 to 511 are left out.
    """
    names = {name: name.removeprefix("bert.") for name in state if not name.startswith("cls.")}
    return {renamed(name, _TO_OURS): state[full] for full, name in names.items() if name != "embeddings.position_ids"}


def masked_to_ours(state: State) -> State:
    """From `transformers.BertForMaskedLM`, or BERT's official file, to `dlstudy.models.bert.MaskedLanguageModel`.

    Left out are the pooler, the head for pairs of sentences, and the token embeddings and the bias where they come once
    more as the layer "decoder".
    """
    ours = {f"bert.{name}": value for name, value in to_ours(state).items() if not name.startswith("pooler.")}
    for name, value in state.items():
        if name.startswith("cls.") and not name.startswith(("cls.seq_relationship.", "cls.predictions.decoder.")):
            ours[renamed(name, _MLM_TO_OURS)] = value
    return ours


_TO_OFFICIAL = (
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
_MLM_TO_OFFICIAL = (
    (r"^transform\.", "cls.predictions.transform.dense."),
    (r"^norm\.", "cls.predictions.transform.LayerNorm."),
    (r"^bias$", "cls.predictions.bias"),
)


def to_official(state: State) -> State:
    """From `dlstudy.models.bert.BERT` to `transformers.BertModel`."""
    return {renamed(name, _TO_OFFICIAL): value for name, value in state.items()}


def masked_to_official(state: State) -> State:
    """From `dlstudy.models.bert.MaskedLanguageModel` to `transformers.BertForMaskedLM`, the tied "decoder" included."""
    encoder = {name.removeprefix("bert."): value for name, value in state.items() if name.startswith("bert.")}
    theirs = {f"bert.{name}": value for name, value in to_official(encoder).items()}
    theirs |= {renamed(name, _MLM_TO_OFFICIAL): value for name, value in state.items() if not name.startswith("bert.")}
    if "bert.token_embedding.weight" in state:
        theirs["cls.predictions.decoder.weight"] = state["bert.token_embedding.weight"]
    if "bias" in state:
        theirs["cls.predictions.decoder.bias"] = state["bias"]
    return theirs
