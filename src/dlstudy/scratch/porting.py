"""Run a training script that was written for torch on this package.

    python -m dlstudy.scratch.porting train.py            # run it
    python -m dlstudy.scratch.porting train.py --show     # print it as it would be run

The rule, and the whole of it: in import statements, wherever they stand, the package `torch` becomes `dlstudy.scratch`;
where a statement binds the name `torch`, it still does.

    import torch                               import dlstudy.scratch as torch
    import torch.nn.functional as F            import dlstudy.scratch.nn.functional as F
    from torch import nn                       from dlstudy.scratch import nn
    from torch.utils.data import DataLoader    from dlstudy.scratch.utils.data import DataLoader

Modules that lie beside the script (`net.py` beside `train.py`), and packages there, belong to it and are read in the
same way, so a program is never half on one library and half on the other. A library that is built on torch itself is
refused for that reason. Everything else stays as it is, line numbers included. What the package does not have
(torch.compile, torch.fft, another library that is built on torch) is then an ImportError or AttributeError that names
it. Scripts are run on both, and their losses compared step by step, in tests/scratch/test_scripts.py.
"""

import argparse
import ast
import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

NAME, OURS = "torch", "dlstudy.scratch"


def renamed(module: str) -> str:
    """Return the name of a module with the package torch replaced: 'torch.nn' gives 'dlstudy.scratch.nn'."""
    first, dot, rest = module.partition(".")
    return OURS + dot + rest if first == NAME else module


def ported_import(statement: ast.Import | ast.ImportFrom) -> str | None:
    """Return the source of an import statement for this package, or None if it has nothing to do with torch."""
    if isinstance(statement, ast.ImportFrom):
        if statement.level or renamed(statement.module or "") == statement.module:
            return None
        statement = ast.ImportFrom(renamed(statement.module or ""), statement.names, 0)
        return ast.unparse(statement)
    if all(renamed(alias.name) == alias.name for alias in statement.names):
        return None
    names, binds_torch = [], False
    for alias in statement.names:
        new = renamed(alias.name)
        if new != alias.name and alias.asname is None:  # binds the name torch, whatever part is imported
            binds_torch = True
            if new == OURS:
                continue
            names.append(ast.alias(new, "_"))
        else:
            names.append(ast.alias(new, alias.asname))
    if binds_torch:
        names.append(ast.alias(OURS, NAME))
    return ast.unparse(ast.Import(names))


def port(source: str, filename: str = "<script>") -> str:
    """Return the source of a script for torch as one for this package; SyntaxError if it is no Python."""
    lines = source.splitlines(keepends=True)
    imports = [n for n in ast.walk(ast.parse(source, filename)) if isinstance(n, ast.Import | ast.ImportFrom)]
    for statement in sorted(imports, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        new = ported_import(statement)
        if new is None or statement.end_lineno is None or statement.end_col_offset is None:
            continue
        first, last = statement.lineno - 1, statement.end_lineno - 1
        before = lines[first].encode()[: statement.col_offset].decode()  # columns count bytes
        after = lines[last].encode()[statement.end_col_offset :].decode()
        lines[first : last + 1] = [before + new + " \\\n" * (last - first) + after]
    return "".join(lines)


class PortingLoader(SourceFileLoader):
    """Loads a module that was written for torch as one for this package, and keeps no compiled copy of it."""

    def get_code(self, fullname: str) -> CodeType:
        """Return the module's code, ported; no cache is read or written, as torch would find ours in it."""
        path = self.get_filename(fullname)
        return compile(port(self.get_data(path).decode("utf-8-sig"), path), path, "exec", dont_inherit=True)


class PortingFinder(MetaPathFinder):
    """Finds the modules in a script's folder, before any other, and refuses torch itself."""

    def __init__(self, folder: Path):
        self.folder = folder

    def owns(self, file: str | None) -> bool:
        """Return whether a module's file belongs to the script: it lies in its folder, and was not installed there."""
        if file is None:
            return False
        path = Path(file).resolve()
        return path.is_relative_to(self.folder) and not {"site-packages", "dlstudy"} & set(path.parts)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load a module of the script; None for any other. ImportError for torch."""
        if fullname.partition(".")[0] == NAME:
            raise ImportError(
                "a library that this script uses imports torch itself, and tensors of the two cannot be mixed: "
                "run the script with torch, or without that library"
            )
        spec = PathFinder.find_spec(fullname, [str(self.folder)] if path is None else path)
        if spec is None:
            return None
        folders = [] if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
        if spec.origin is None and any(map(self.owns, folders)):  # a folder of modules, without an __init__.py
            return spec
        if not self.owns(spec.origin) or not isinstance(spec.loader, SourceFileLoader):
            return None
        spec.loader = PortingLoader(fullname, spec.loader.path)
        spec.cached = None
        return spec


def _places_of(module: ModuleType) -> list[str]:
    """Return the file of a module, or the folders of a package that has no file."""
    file = getattr(module, "__file__", None)
    return [file] if file else [str(folder) for folder in getattr(module, "__path__", ())]


@contextlib.contextmanager
def modules_beside(folder: Path) -> Iterator[None]:
    """While this lasts, the modules in `folder` are ported as they are imported; then those of before are back."""
    finder = PortingFinder(folder.resolve())

    def take_out() -> dict[str, ModuleType]:
        owned = [
            name
            for name, module in sys.modules.items()
            if name != "__main__" and any(map(finder.owns, _places_of(module)))
        ]
        return {name: sys.modules.pop(name) for name in owned}

    before = take_out()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        take_out()
        sys.modules.update(before)


def run(path: str | Path, name: str = "__main__") -> dict[str, Any]:
    """Run the script at `path`, written for torch, on this package; returns the names it defines.

    `name` is what the script sees as __name__. Modules beside the script are ported with it.
    """
    path = Path(path)
    source = port(path.read_text(encoding="utf-8"), str(path))
    names: dict[str, Any] = {"__name__": name, "__file__": str(path), "__builtins__": __builtins__}
    with modules_beside(path.parent):
        exec(compile(source, str(path), "exec"), names)
    return names


def main(arguments: list[str] | None = None) -> None:
    """Run or print the script that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m dlstudy.scratch.porting", description="Run a torch script on NumPy."
    )
    parser.add_argument("script", type=Path, help="a Python file written for torch")
    parser.add_argument("--show", action="store_true", help="print it as it would be run, and do not run it")
    options, rest = parser.parse_known_args(arguments)
    if options.show:
        sys.stdout.write(port(options.script.read_text(encoding="utf-8"), str(options.script)))
        return
    sys.argv = [str(options.script), *rest]
    sys.path.insert(0, str(options.script.resolve().parent))
    run(options.script)


if __name__ == "__main__":
    main()
