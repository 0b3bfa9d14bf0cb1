"""Unpacks what C++ needs of the LibTorch or CUDA wheels into one folder: a few thousand files instead of 20,000.

Called by env/setup.sh: unpack_wheels.py libtorch|cuda DESTINATION WHEEL...
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import sys
import zipfile

# Per-backend headers of the operators (2,800 files): those who call at::cpu::add and the like include them, nobody else.
# An operator may be called so itself (_test_autograd_multiple_dispatch); what marks one is that X.h has an X_ops.h.
OPERATOR_INTERNALS = re.compile(r"(torch/include/ATen/ops/.*_dispatch)\.h$")
LIBTORCH_KEEP = re.compile(
    r"torch/(include|share)/"
    r"|torch/lib/[^/]*\.so[.0-9]*$"
    r"|nvidia/[^/]+/(include|lib)/"
    r"|[^/]+\.dist-info/(licenses/|LICENSE|NOTICE)"
)
LIBTORCH_DROP = re.compile(
    r"torch/lib/lib(torch_python|shm)\.so"  # they need Python
    r"|.*\.py$"
    r"|nvidia/nvshmem/(include/|lib/libnvshmem_device\.a)"  # device code of others' kernels
    r"|nvidia/cu13/lib/[^/]*\.alt\.so"  # a second nvrtc for hosts without AVX
)
CUDA_KEEP = re.compile(r"nvidia/cu13/(bin|include|nvvm|lib)/|[^/]+\.dist-info/(licenses/|LICENSE|NOTICE)")
CUDA_DROP = re.compile(r".*\.py$|nvidia/cu13/include/cccl/(thrust|cub)/")
CUDA_PREFIX = "nvidia/cu13/"
ARCHITECTURES = re.compile(rb"sm_[0-9]+a?(?: (?:sm|compute)_[0-9]+a?)*")


def target_of(kind, name, names):
    """The path of a wheel's member below the destination; None when C++ does not need it."""
    if kind == "libtorch":
        internal = OPERATOR_INTERNALS.match(name)
        if internal and f"{internal[1]}_ops.h" not in names:
            return None
        return name if LIBTORCH_KEEP.match(name) and not LIBTORCH_DROP.match(name) else None
    if not CUDA_KEEP.match(name) or CUDA_DROP.match(name):
        return None
    return name.removeprefix(CUDA_PREFIX)


def unpack(kind, wheel, destination):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for member in archive.infolist():
            target = target_of(kind, member.filename, names)
            if target is None or member.is_dir():
                continue
            path = destination / target
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(path, "wb") as sink:
                shutil.copyfileobj(source, sink, 4 << 20)
            if (member.external_attr >> 16) & 0o111:
                path.chmod(0o755)


def note_architectures(wheel, destination):
    """Only torch's Python library says which GPUs the CUDA code was built for; CMake wants to know."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read("torch/lib/libtorch_python.so")
    match = max(ARCHITECTURES.findall(text), key=len, default=None)
    if match is None:
        sys.exit(f"env/setup.sh: {wheel.name} does not say which CUDA architectures it was built for; check the pinned version")
    (destination / "torch/share/cuda-architectures").write_bytes(match + b"\n")


def main():
    kind, destination = sys.argv[1], pathlib.Path(sys.argv[2])
    wheels = [pathlib.Path(name) for name in sys.argv[3:]]
    wheels.sort(key=lambda path: -path.stat().st_size)
    with concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:  # zlib runs outside the GIL
        list(pool.map(lambda wheel: unpack(kind, wheel, destination), wheels))
    for wheel in wheels:
        if wheel.name.startswith("torch-"):
            note_architectures(wheel, destination)


main()
