"""The `dlstudy` command."""

import click


@click.group()
def main() -> None:
    """Deep learning from a first tensor to Stable Diffusion."""
