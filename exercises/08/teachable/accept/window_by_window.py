def teachable(length, window, lag):
    steps = []
    for begin in range(0, length, window):
        end = min(begin + window, length)
        steps += range(begin + lag, end) if begin + lag < end else []
    return steps
