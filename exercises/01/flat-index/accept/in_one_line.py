def flat_index(index, strides, offset=0):
    return offset + sum(i * stride for i, stride in zip(index, strides, strict=True))
