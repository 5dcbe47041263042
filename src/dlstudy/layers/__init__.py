"""PyTorch parts that several models share, proven equal to the reference: recurrent layers, attention, positions."""
