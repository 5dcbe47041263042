def sum_to_shape(grad, shape):
    return grad.sum(axis=0).reshape(shape)
