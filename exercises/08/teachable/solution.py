def teachable(length, window, lag):
    """Return the list of steps whose loss sends a gradient to the character read `lag` steps before.

    A stream of `length` steps is read in windows of `window` steps, side by side; the state between them is detached.
    """
    return [t for t in range(length) if t % window >= lag]
