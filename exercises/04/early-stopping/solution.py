def early_stopping(losses, patience):
    """Return the epoch whose weights to keep, counted from 0, and the number of epochs that are run.

    `losses` are the validation losses, in the order in which they will come in; one at a time, so the future is not
    known. Training stops as soon as `patience` epochs in a row have brought no loss lower than the lowest so far. An
    equal loss is not lower.
    """
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses):
        if loss < best:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            return best_epoch, epoch + 1
    return best_epoch, len(losses)
