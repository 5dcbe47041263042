def early_stopping(losses, patience):
    keep, lowest, waited, run = 0, None, 0, 0
    for loss in losses:
        run += 1
        if loss == loss and (lowest is None or loss < lowest):
            keep, lowest, waited = run - 1, loss, 0
        else:
            waited += 1
        if waited == patience:
            break
    return keep, run
