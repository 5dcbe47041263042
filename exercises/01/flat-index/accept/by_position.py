def flat_index(index, strides, offset=0):
    if len(index) != len(strides):
        raise ValueError("lengths differ")
    place = offset
    for dim in range(len(index)):
        place = strides[dim] * index[dim] + place
    return place
