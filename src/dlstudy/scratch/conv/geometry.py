"""The arithmetic of a convolution's shapes: where a kernel stands on the input, and how many places there are."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import index
from typing import NamedTuple

Pair = tuple[int, int]


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Return how many places a kernel has along one dimension of the input: floor((n + 2p - d(k - 1) - 1) / s) + 1."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def transposed_output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Return the size that a transposed convolution makes of `size`: (n - 1)s - 2p + d(k - 1) + output padding + 1.

    It is the input size from which `output_size` gives `size` again; where several do (the division above rounds
    down), the output padding, smaller than the stride, says which.
    """
    return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1


class Geometry(NamedTuple):
    """Everything about a two-dimensional convolution but the numbers; each pair is (height, width)."""

    input: Pair
    kernel: Pair
    stride: Pair
    before: Pair  # rows and columns of zeros added above and to the left,
    after: Pair  # and below and to the right: one more for an even kernel with padding "same"
    dilation: Pair
    groups: int
    output: Pair

    @property
    def padded(self) -> Pair:
        """The input's size with its frame of zeros."""
        (h, w), (top, left), (bottom, right) = self.input, self.before, self.after
        return h + top + bottom, w + left + right

    @property
    def flipped(self) -> "Geometry":
        """The geometry of the input gradient as a convolution of `grad` with flipped kernels, for stride 1."""
        (h, w), (oh, ow), reach = self.input, self.output, self.reach
        before = reach[0] - 1 - self.before[0], reach[1] - 1 - self.before[1]
        after = h + reach[0] - 1 - oh - before[0], w + reach[1] - 1 - ow - before[1]
        return self._replace(input=self.output, output=self.input, before=before, after=after)

    def bands(self, rows: int) -> Iterator[tuple["Geometry", slice, slice]]:
        """Yield (geometry, input rows, output rows) of the convolutions that make `rows` output rows each."""
        for first in range(0, self.output[0], rows):
            count = min(rows, self.output[0] - first)
            start = first * self.stride[0] - self.before[0]
            stop = start + (count - 1) * self.stride[0] + self.reach[0]
            low = min(max(start, 0), self.input[0])
            high = max(low, min(stop, self.input[0]))
            part = self._replace(
                input=(high - low, self.input[1]),
                before=(min(max(-start, 0), stop - start), self.before[1]),
                after=(stop - start - (high - low) - min(max(-start, 0), stop - start), self.after[1]),
                output=(count, self.output[1]),
            )
            yield part, slice(low, high), slice(first, first + count)

    @property
    def reach(self) -> Pair:
        """How many rows and columns the kernel spans, holes included: d(k - 1) + 1."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1


@lru_cache(maxsize=512)
def geometry(input: Pair, kernel: Pair, stride: Pair, padding: Pair | str, dilation: Pair, groups: int = 1) -> Geometry:
    """Return the geometry of a convolution; `padding` is a pair, "valid" or "same".

    RuntimeError or ValueError if a number is out of range or the kernel is larger than the padded input.
    """
    if min(stride) <= 0:
        raise RuntimeError(f"conv2d: expected a stride greater than 0, got {list(stride)}")
    if min(dilation) <= 0:
        raise RuntimeError(f"conv2d: expected a dilation greater than 0, got {list(dilation)}")
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    if isinstance(padding, str):
        before, after = _named_padding(padding, spans, stride)
    elif min(padding) < 0:
        raise RuntimeError(f"conv2d: expected a padding of 0 or more, got {list(padding)}")
    else:
        before = after = padding
    whole = [n + a + b for n, a, b in zip(input, before, after)]
    if any(n < span for n, span in zip(whole, spans)):
        raise RuntimeError(
            f"conv2d: expected a kernel no larger than the padded input, got kernel {list(kernel)} "
            f"(it spans {spans[0]} x {spans[1]}) and an input of {whole[0]} x {whole[1]} with its padding"
        )
    oh, ow = ((n - span) // s + 1 for n, span, s in zip(whole, spans, stride))
    return Geometry(input, kernel, stride, before, after, dilation, groups, (oh, ow))


def _named_padding(padding: str, spans: list[int], stride: Pair) -> tuple[Pair, Pair]:
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding != "same":
        raise ValueError(f"conv2d: expected padding to be a number, a pair, 'valid' or 'same', got {padding!r}")
    if stride != (1, 1):
        raise RuntimeError(f"padding='same' is not supported for strided convolutions: got stride {list(stride)}")
    (a, b), (c, d) = ((span - 1) // 2 for span in spans), (span // 2 for span in spans)
    return (a, b), (c, d)


def pair(value: int | Sequence[int], name: str, where: str = "conv2d") -> Pair:
    """Return `value` as (height, width): an int counts for both; RuntimeError or TypeError if it is not one or two."""
    try:
        values = (index(value),) if hasattr(value, "__index__") else tuple(index(v) for v in value)
    except TypeError:
        raise TypeError(f"{where}: expected {name} to be one int or two, got {value!r}") from None
    if len(values) == 1:
        return values[0], values[0]
    if len(values) != 2:
        raise RuntimeError(f"{where}: expected {name} to be one int or two, got {list(values)}")
    return values[0], values[1]
