"""Arrows between the folders of src go one way: core -> config -> log -> {batch, report}, and core, config, log -> timing ->
comm -> data, models, precision, optim -> parallel -> training -> inference -> apps. Reads the link edges that CMake declares and the
#include lines, and fails on any other."""

import os
import pathlib
import re
import sys

LAYERS = {  # folder: what it may use, beside itself
    "core": set(),
    "config": {"core"},
    "log": {"core", "config"},
    "batch": {"core", "config", "log"},
    "report": {"core", "config", "log"},
    "timing": {"core", "config", "log"},
    "comm": {"core", "config", "log", "timing"},
}
LAYERS["doctor"] = LAYERS["comm"] | {"comm"}
LAYERS["data"] = LAYERS["comm"] | {"comm"}
LAYERS["models"] = LAYERS["optim"] = LAYERS["data"]
LAYERS["precision"] = LAYERS["data"] | {"models"}  # a policy converts a model
LAYERS["parallel"] = LAYERS["data"] | {"data", "models", "precision", "optim"}
LAYERS["training"] = LAYERS["parallel"] | {"parallel"}
LAYERS["inference"] = LAYERS["training"] | {"training"}  # folders and attributes of a run
LAYERS["apps"] = LAYERS["inference"] | {"inference", "batch", "report", "doctor"}
WITHOUT_LIBTORCH = {"core", "config", "log", "batch", "report"}


def link_edges(text):
    """Folder names of every trainyard_<folder> that a CMakeLists.txt names."""
    return set(re.findall(r"\btrainyard_(%s)\b" % "|".join(LAYERS), text))


def include_edges(text):
    return set(re.findall(r'^#include "(\w+)/', text, re.MULTILINE)) & set(LAYERS)


def problems(source):
    for folder in sorted(path for path in source.iterdir() if path.is_dir() and path.name != "cmake"):
        if folder.name not in LAYERS:
            yield f"src/{folder.name}: not in the layers; say in this test what it may use"
            continue
        allowed = LAYERS[folder.name] | {folder.name}
        for path in sorted(folder.rglob("*")):
            if path.name == "CMakeLists.txt":
                text = path.read_text()
                used = link_edges(text)
                if folder.name in WITHOUT_LIBTORCH and "trainyard::libtorch" in text:
                    yield f"src/{path.relative_to(source)}: links LibTorch, which {folder.name} must not"
            elif path.suffix in (".h", ".cpp"):
                text = path.read_text()
                used = include_edges(text)
                if folder.name in WITHOUT_LIBTORCH and re.search(r"^#include <(ATen|c10|torch)/", text, re.MULTILINE):
                    yield f"src/{path.relative_to(source)}: includes LibTorch, which {folder.name} must not"
                if re.search(r"^#include <torch/(torch|all)\.h>", text, re.MULTILINE):
                    yield f"src/{path.relative_to(source)}: includes all of torch, 18 s a file"
            else:
                continue
            for other in sorted(used - allowed):
                yield f"src/{path.relative_to(source)}: uses {other}, which {folder.name} must not"


def main():
    found = list(problems(pathlib.Path(os.environ["TRAINYARD_SOURCE_DIR"]) / "src"))
    print("\n".join(found) if found else "every edge goes the right way")
    return 1 if found else 0


sys.exit(main())
