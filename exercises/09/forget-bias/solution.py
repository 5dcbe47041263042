def open_forget_gates(bias_ih, bias_hh, value=1.0):
    """Return both biases of an LSTM layer, changed so that its forget gates start out open.

    Where input and state are 0, every forget gate is then sigmoid(value); the other three parts stay as they were.
    bias_ih and bias_hh (4 * hidden,) are those of `nn.LSTM`, in its order i, f, g, o; they are not changed themselves.
    """
    hidden = len(bias_ih) // 4
    bias_ih, bias_hh = bias_ih.clone(), bias_hh.clone()
    bias_ih[hidden : 2 * hidden] = value
    bias_hh[hidden : 2 * hidden] = 0
    return bias_ih, bias_hh
