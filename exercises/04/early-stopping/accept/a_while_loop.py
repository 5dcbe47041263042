def early_stopping(losses, patience):
    best = epoch = 0
    while epoch + 1 < len(losses) and epoch - best < patience:
        epoch += 1
        if losses[epoch] < losses[best]:
            best = epoch
    return best, epoch + 1
