def fitting_layer(job):
    def keep(kernel, dilation=1):
        return (kernel, 1, dilation * (kernel - 1) // 2, dilation)

    def tiles(side, count):
        return (side // count, side // count, 0, 1)

    if job.startswith("keep"):
        return keep(5)
    if job.startswith("halve"):
        return (3, 2, (3 - 1) // 2, 1)
    if job.startswith("cut"):
        return tiles(224, 14)
    if job.startswith("mix"):
        return keep(1)
    if job.startswith("see"):
        return keep(3, dilation=(9 - 1) // 2)
    return tiles(5, 1)
