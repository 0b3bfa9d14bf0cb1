"""Sources that have a part for CUDA compile without it too, and include nothing of CUDA or NCCL then: a LibTorch without
CUDA brings no such headers. With the flags of the build that this test is of, less the definition that turns CUDA on."""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

DEFINITION = "TRAINYARD_HAS_CUDA"
OF_CUDA = re.compile(r"^\.+ (.*(?:/c10/cuda/|/ATen/cuda/|/torch/csrc/cuda/|/cuda(?:_runtime(?:_api)?)?\.h$|/nccl\.h$).*)$", re.MULTILINE)


def flags_of_folders(build):
    """{folder of src: the compiler and its flags, without those that name files of the build}"""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        found = re.search(r"(?:^| )src/(\w+)/CMakeFiles/trainyard_\1\.dir/\S+\.o ", entry["command"])
        if not found or "cmake_pch" in entry["file"]:
            continue
        kept, words = [], iter(shlex.split(entry["command"]))
        for word in words:
            if word in ("-include", "-o", "-c", "-MT", "-MF"):
                next(words)
            elif word != "-MD" and not word.startswith(f"-D{DEFINITION}"):
                kept.append(word)
        flags[found[1]] = kept
    return flags


def problem(source, flags):
    """One text, or None where the file compiles."""
    done = subprocess.run([*flags, "-fsyntax-only", "-H", str(source)], capture_output=True, text=True)
    if done.returncode:
        told = done.stderr.split("Multiple include guards may be useful", 1)[0]
        wrong = [line for line in told.splitlines() if not re.match(r"\.+ ", line)]
        return f"{source} does not compile without CUDA:\n" + "\n".join(wrong[:20])
    found = OF_CUDA.search(done.stderr)
    return f"{source} includes {found[1]} also without CUDA" if found else None


def main():
    root = pathlib.Path(os.environ["TRAINYARD_SOURCE_DIR"])
    flags = flags_of_folders(pathlib.Path(os.environ["TRAINYARD_BUILD_DIR"]))
    sources = sorted(path for path in (root / "src").rglob("*.cpp") if DEFINITION in path.read_text())
    if not sources or not flags:
        sys.exit("found no source with a part for CUDA, or no command of the build")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = list(filter(None, pool.map(lambda path: problem(path, flags[path.parent.name]), sources)))
    print("\n".join(found) or f"{len(sources)} sources compile without CUDA")
    sys.exit(1 if found else 0)


main()
