def lstm_cell(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the next h and c of an LSTM, (B, hidden) each, from its input x (B, inputs) and its states h and c.

    The weights hold the four parts below each other, in the order i, f, g, o: weight_ih (4 * hidden, inputs), weight_hh
    (4 * hidden, hidden), the biases (4 * hidden,). Equal to `torch.nn.LSTMCell`.
    """
    parts = x @ weight_ih.mT + bias_ih + h @ weight_hh.mT + bias_hh  # (B, 4 * hidden)
    i, f, g, o = parts.chunk(4, dim=1)
    i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
    g = g.tanh()
    c = f * c + i * g
    h = o * c.tanh()
    return h, c
