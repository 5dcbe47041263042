def gru_cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the next state of a GRU, (B, hidden), from its input x (B, inputs) and its state h (B, hidden).

    The weights hold the three parts below each other, in the order r, z, n: weight_ih (3 * hidden, inputs), weight_hh
    (3 * hidden, hidden), the biases (3 * hidden,). Equal to `torch.nn.GRUCell`.
    """
    # 1. What the input says to the three parts, and what the state says: (B, 3 * hidden) each.
    from_x = x @ weight_ih.mT + bias_ih
    from_h = h @ weight_hh.mT + bias_hh
    x_r, x_z, x_n = from_x.chunk(3, dim=1)
    h_r, h_z, h_n = from_h.chunk(3, dim=1)
    # 2. The two gates.
    r = (x_r + h_r).sigmoid()
    z = (x_z + h_z).sigmoid()
    # 3. The proposal n. Which numbers does the reset gate r scale?
    n = (x_n + r * h_n).tanh()
    # 4. Between the old state and the proposal: z keeps.
    return z * h + (1 - z) * n
