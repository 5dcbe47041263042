def teachable(length, window, lag):
    def border(t):
        while t % window:
            t -= 1
        return t

    steps = []
    t = 0
    while t < length:
        if t - lag >= border(t):
            steps.append(t)
        t += 1
    return steps
