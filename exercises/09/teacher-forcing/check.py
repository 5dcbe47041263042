"""Oracle: torch.nn.GRU on whole beginnings. All that is known before step t goes through it in one call, for each t."""

import torch

from dlstudy.course.checking import Case


class Decoder:
    """A GRU with a table of embeddings and an output layer, all of random weights; one step at a time when called."""

    def __init__(self, symbols, hidden, rng):
        torch.manual_seed(int(rng.integers(1000)))
        self.embedding = torch.nn.Embedding(symbols, 4, dtype=torch.float64)
        self.gru = torch.nn.GRU(4, hidden, batch_first=True, dtype=torch.float64)
        self.output = torch.nn.Linear(hidden, symbols, dtype=torch.float64)
        for parameter in (*self.gru.parameters(), *self.output.parameters()):
            parameter.data.mul_(3)  # so that its own symbols differ from step to step

    def whole(self, tokens, state):
        """Logits (B, T, V) for a beginning (B, T)."""
        with torch.no_grad():
            return self.output(self.gru(self.embedding(tokens), state[None])[0])

    def __call__(self, token, state):
        with torch.no_grad():
            states, last = self.gru(self.embedding(token)[:, None], state[None])
            return self.output(states[:, 0]), last[0]

    def __eq__(self, other):
        weights = [[*d.embedding.parameters(), *d.gru.parameters(), *d.output.parameters()] for d in (self, other)]
        return all(torch.equal(one, two) for one, two in zip(*weights))

    __hash__ = None

    def __repr__(self):
        return "one step of a decoder"


def cases(rng):
    def case(label, rows, symbols, forced):
        forced = [c == "1" for c in forced]
        state = torch.tensor(rng.normal(size=(rows, 3)))
        target = torch.tensor(rng.integers(1, symbols, (rows, len(forced))))
        return Case(label, Decoder(symbols, 3, rng), state, target, 0, forced)

    return [
        case("two rows, three steps, all forced", 2, 5, "111"),
        case("three rows, five steps, never forced", 3, 7, "00000"),
        case("two rows, six steps, forced at first", 2, 6, "111000"),
        case("four rows, seven steps, now and then forced", 4, 8, "0110100"),
    ]


def given(step, state, target, bos, forced):
    return f"target = {target.tolist()}, bos = {bos}, forced = {forced}"


def oracle(step, state, target, bos, forced):
    beginning = torch.full((len(target), 1), bos)
    for t in range(target.shape[1]):
        said = step.whole(beginning, state)[:, -1].argmax(1)
        beginning = torch.cat([beginning, (target[:, t] if forced[t] else said)[:, None]], 1)
    return step.whole(beginning[:, :-1], state)
