from dlstudy.course.checking import Case


def cases(rng):
    return [Case("a whole number", 3), Case("a negative one", -1.5), Case("any number", float(rng.normal()))]


def oracle(x):
    return x + x


def picture(expected, got, x):
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 20" width="240" role="img" aria-label="a bar">'
        '<rect width="80" height="12" fill="currentColor"/></svg>'
    )
