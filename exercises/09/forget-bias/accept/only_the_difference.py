def open_forget_gates(bias_ih, bias_hh, value=1.0):
    quarter = slice(len(bias_ih) // 4, len(bias_ih) // 2)
    changed = bias_ih.clone()
    changed[quarter] = value - bias_hh[quarter]
    return changed, bias_hh
