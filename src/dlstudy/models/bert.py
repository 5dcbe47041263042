"""BERT: an encoder that reads a text in both directions at once, and learns it by filling gaps.

Paper: Devlin, Chang, Lee, Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", 2018 (arXiv 1810.04805). The layers are the Transformer's, normalised behind each sub-layer, with GELU;
what is new is what goes in (three embeddings, figure 2) and what is asked for (the hidden tokens, section 3.1).

Letters of the shapes: B texts, T tokens, E width of the model, V tokens of the vocabulary.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.layers.positions import LearnedPositions
from dlstudy.models.transformer import EncoderLayer


def _reset(model: nn.Module) -> None:
    """N(0, 0.02) for weights and embeddings, 0 for biases."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)


class BERT(nn.Module):
    """The encoder: a vector for each token that knows the whole text, and one for the text.

    Args:
        vocab_size: number of different tokens V.
        context_length: the longest text that it can read.
        embed_dim: width E.
        num_layers: number of layers.
        num_heads: heads of each attention; must divide embed_dim.
        hidden_dim: width between the two linear layers of each layer; 4 E unless given.
        dropout: part that is left out in training, of the embeddings, of the attention weights, and of what each
            sub-layer adds.
        num_segments: how many kinds of text one input may hold (2: sentence A and sentence B).
        pooler: whether there is the layer that makes the vector of the text.
        eps: what the normalisation adds to the variance.

    Input: `tokens` (B, T), integers; `segments` (B, T), 0 or 1, all 0 unless given; `mask` (B, T), booleans, True for
    tokens and False for the filling behind shorter texts. Output: the vectors (B, T, E) and, made of the first token's
    ([CLS]), one for the whole text (B, E), or None without pooler.

    Raises ValueError for a text that is longer than the context.
    Proven equal to `transformers.BertModel`, values, gradients and dropout, bert-base in full size included.
    """

    def __init__(
        self,
        vocab_size: int,
        context_length: int,
        embed_dim: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int | None = None,
        dropout: float = 0.1,
        *,
        num_segments: int = 2,
        pooler: bool = True,
        eps: float = 1e-12,
    ) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, embed_dim)
        self.segment_embedding = nn.Embedding(num_segments, embed_dim)
        self.positions = LearnedPositions(context_length, embed_dim)
        self.norm = nn.LayerNorm(embed_dim, eps=eps)
        self.dropout = nn.Dropout(dropout)
        hidden_dim = 4 * embed_dim if hidden_dim is None else hidden_dim
        self.layers = nn.ModuleList(
            EncoderLayer(embed_dim, num_heads, hidden_dim, dropout, activation=F.gelu, eps=eps)
            for _ in range(num_layers)
        )
        self.pooler = nn.Linear(embed_dim, embed_dim) if pooler else None
        _reset(self)

    def forward(
        self, tokens: Tensor, segments: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        segments = torch.zeros_like(tokens) if segments is None else segments
        x = self.positions(self.token_embedding(tokens) + self.segment_embedding(segments))
        x = self.dropout(self.norm(x))  # (B, T, E)
        keys = None if mask is None else mask[:, None, None, :]  # (B, 1, 1, T)
        for layer in self.layers:
            x = layer(x, keys)
        return x, None if self.pooler is None else torch.tanh(self.pooler(x[:, 0]))


class MaskedLanguageModel(nn.Module):
    """BERT with the head that guesses hidden tokens: what it is trained with (section 3.1, task 1).

    A linear layer, GELU and a normalisation, then the scores by the token embeddings and a bias for each token. `bert`
    is a `BERT` without pooler. Input as there, output (B, T, V), not yet softmax.
    Proven equal to `transformers.BertForMaskedLM`, values, gradients and dropout.
    """

    def __init__(self, bert: BERT) -> None:
        super().__init__()
        if bert.pooler is not None:
            raise ValueError("expected a BERT with pooler=False: a pooler would get no gradient here")
        vocab_size, embed_dim = bert.token_embedding.weight.shape
        self.transform = nn.Linear(embed_dim, embed_dim)
        self.norm = nn.LayerNorm(embed_dim, eps=bert.norm.eps)
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        _reset(self)
        self.bert = bert

    def forward(self, tokens: Tensor, segments: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        x, _ = self.bert(tokens, segments, mask)  # (B, T, E)
        return F.linear(self.norm(F.gelu(self.transform(x))), self.bert.token_embedding.weight, self.bias)


def bert_base(vocab_size: int = 30522, context_length: int = 512, dropout: float = 0.1, *, pooler: bool = True) -> BERT:
    """BERT-base: 12 layers of width 768 (section 3), with the vocabulary of the uncased English model."""
    return BERT(vocab_size, context_length, 768, 12, 12, dropout=dropout, pooler=pooler)


def bert_large(
    vocab_size: int = 30522, context_length: int = 512, dropout: float = 0.1, *, pooler: bool = True
) -> BERT:
    """BERT-large: 24 layers of width 1024 (section 3)."""
    return BERT(vocab_size, context_length, 1024, 24, 16, dropout=dropout, pooler=pooler)
