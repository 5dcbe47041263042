from dlstudy.training.finetune import is_frozen


def train_mode(model):
    frozen = [name for name, module in model.named_modules() if is_frozen(module)]
    for name, module in model.named_modules():
        inside = any(name == root or root == "" or name.startswith(root + ".") for root in frozen)
        module.training = not inside
