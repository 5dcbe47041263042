# ruff: noqa: F401 - the names of the package come together here
"""Convolution on plain NumPy arrays. Read `geometry.py` (sizes), then `clear.py` (loops, one matrix product).

What runs behind `functional.conv2d` is as fast as we know how to make NumPy: `flat.py` and its neighbours, chosen in
`kernel_choice.py`, each proven equal to the clear forms and to torch.
"""

from .clear import (
    col2im,
    conv2d_backward,
    conv2d_im2col,
    conv2d_loops,
    im2col,
    max_pool2d_backward,
    max_pool2d_windows,
    pad,
    windows,
)
from .geometry import Geometry, geometry, output_size, pair, transposed_output_size
from .kernel_choice import forward, input_gradient, weight_gradient
