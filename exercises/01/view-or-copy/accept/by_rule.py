def view_or_copy(expression):
    gathers = "[[" in expression or ">" in expression
    return "copy" if gathers or "+" in expression or expression == "x.T.reshape(12)" else "view"
