"""Whatever a docstring calls equal to something else is named by a test that has that something else at hand."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLAIM = re.compile(
    r"\b(?:proven\s+equal|equal)\s+to\s+(?:PyTorch|`?torch|`?torchvision|`?numpy|`?np\.|`?timm|`?transformers|`?tokenizers)"
    r"|proven\s+equal",
    re.I,
)
REFERENCES = {"torch", "torchvision", "numpy", "timm", "transformers", "tokenizers"}


def claims(code: str) -> list[str]:
    """The names of the functions, classes and methods whose docstring makes such a claim.

    A claim in a module's docstring is one for each of its public functions and classes.
    """
    tree = ast.parse(code)
    found: list[str] = []
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    if CLAIM.search(ast.get_docstring(tree) or ""):
        found += [node.name for node in tree.body if isinstance(node, definitions) and not node.name.startswith("_")]
    found += [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, definitions) and CLAIM.search(ast.get_docstring(node) or "")
    ]
    return sorted(set(found))


def words(code: str) -> set[str]:
    """Every name that code uses or spells in a string: a table of operations names them as strings."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found |= set(node.name.split("."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(re.findall(r"\w+", node.value)) if len(node.value) < 200 else set()
    return found


def compared() -> set[str]:
    """The names that occur in test files that import one of the references."""
    files = [
        words(path.read_text(encoding="utf-8")) for path in ROOT.glob("tests/**/*.py") if "rules" not in path.parts
    ]
    return set().union(*(file for file in files if file & REFERENCES))


@pytest.mark.parametrize(
    ("docstring", "claim"),
    [
        ("Proven equal to torch's autograd.", True),
        ("The strides. Equal to `torch.empty(shape).stride()`.", True),
        ("Sizes are equal to each other.", False),
        ("Two shapes are equal.", False),
    ],
)
def test_a_claim_is_recognised(docstring: str, claim: bool) -> None:
    assert claims(f'def f():\n    """{docstring}"""') == (["f"] if claim else [])


def test_a_module_claims_for_all_its_public_functions() -> None:
    code = '"""Each is proven equal to torch\'s of the same name."""\ndef one(): ...\ndef _two(): ...\nclass Three: ...'
    assert claims(code) == ["Three", "one"]


def test_every_claim_of_equality_has_its_test() -> None:
    named = compared()
    made = {path: claims(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("src/**/*.py"))}
    assert any(made.values())
    missing = {
        path.relative_to(ROOT).as_posix(): [name for name in names if name not in named] for path, names in made.items()
    }
    assert {path: names for path, names in missing.items() if names} == {}
