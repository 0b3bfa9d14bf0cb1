#!/usr/bin/env bash
# Sets up what trainyard is built with: Debian packages where it may, and LibTorch in one folder that all clones share.
#   env/setup.sh            what building and training need
#   env/setup.sh --tests    also what only the tests need: PyTorch's Python (3.11 or newer), shellcheck, clang-format, and
#                           Slurm, munge, iproute2, chromium, Lmod, without which some tests are skipped
# TRAINYARD_DEPS places the folder (default: ${XDG_CACHE_HOME:-~/.cache}/trainyard; 3.5 GB, 7,300 files;
# --tests adds 1.5 GB and 30,000 files for its Python).
# A LibTorch named by CMAKE_PREFIX_PATH or Torch_DIR is used as it is. Repeat it at will, also after an interruption.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source=env/versions
. "$here/versions"

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'env/setup.sh: %s\n' "$*" >&2
  exit 1
}
usage() {
  sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

tests=0
for argument in "$@"; do
  case $argument in
    --tests) tests=1 ;;
    -h | --help) usage; exit 0 ;;
    *) printf 'env/setup.sh: unknown argument %s; it takes --tests or --help\n' "'$argument'" >&2; exit 2 ;;
  esac
done

deps=${TRAINYARD_DEPS:-${XDG_CACHE_HOME:-${HOME:?set HOME or TRAINYARD_DEPS}/.cache}/trainyard}
[[ $deps = /* ]] || fail "TRAINYARD_DEPS=$deps is not an absolute path; give one"

# ---- what is there -------------------------------------------------------------------------------------------------

has_command() { command -v "$1" > /dev/null 2>&1; }
has_header() { # HEADER [PKG-CONFIG NAME]: modules set compiler paths, packages bring .pc files; either will do
  { [[ -n ${2:-} ]] && has_command pkg-config && pkg-config --exists "$2"; } ||
    { has_command g++ && printf '#include <%s>\n' "$1" | g++ -std=c++20 -E -x c++ - > /dev/null 2>&1; }
}
has_hdf5() { has_header hdf5.h hdf5 || has_command h5cc; }
has_boost() { has_header boost/program_options.hpp || [[ -e ${BOOST_ROOT:-/nowhere}/include/boost/program_options.hpp ]]; }
has_gxx() { has_command g++ && [[ $(g++ -dumpversion | cut -d. -f1) -ge 12 ]]; }
has_cmake() { has_command cmake && [[ $(printf '3.25\n%s\n' "$(cmake --version | sed -n '1s/[^0-9]*//p')" | sort -V | head -n 1) = 3.25 ]]; }
has_python() { # MAJOR.MINOR
  has_command python3 && python3 -c 'import sys; sys.exit(sys.version_info < tuple(map(int, sys.argv[1].split("."))))' "$1"
}
has_pip() { has_command python3 && python3 -m pip --version > /dev/null 2>&1; }
has_chromium() { has_command chromium || has_command chromium-browser || has_command google-chrome; }
has_lmod() { [[ -n ${LMOD_CMD:-} || -e /usr/share/lmod/lmod/libexec/lmod ]]; }
has_system_command() { has_command "$1" || [[ -x /usr/sbin/$1 || -x /sbin/$1 ]]; } # users' PATH may lack these folders

python_version=3.9
if ((tests)); then python_version=3.11; fi # of the packages in env/python.txt

# test ; Debian package ; usual module
needs=(
  "has_gxx;g++;gcc/12 or newer"
  "has_cmake;cmake;cmake/3.25 or newer"
  "has_command ninja;ninja-build;ninja"
  "has_command pkg-config;pkg-config;pkgconf"
  "has_python $python_version;python3;python/$python_version or newer"
  "has_pip;python3-pip;python"
  "has_command flock;util-linux;-"
  "has_command mpicxx;libopenmpi-dev;openmpi"
  "has_command mpirun;openmpi-bin;openmpi"
  "has_hdf5;libhdf5-dev;hdf5"
  "has_boost;libboost-program-options-dev;boost"
  "has_header fmt/core.h fmt;libfmt-dev;fmt"
  "has_header spdlog/version.h spdlog;libspdlog-dev;spdlog"
  "has_header nlohmann/json.hpp nlohmann_json;nlohmann-json3-dev;nlohmann-json"
  "has_header isa-l/igzip_lib.h libisal;libisal-dev;isa-l"
  "has_header xxhash.h libxxhash;libxxhash-dev;xxhash"
  "has_header zlib.h zlib;zlib1g-dev;zlib"
  "has_header turbojpeg.h libturbojpeg;libturbojpeg0-dev;libjpeg-turbo"
  "has_header matio.h matio;libmatio-dev;matio"
  "has_header utf8proc.h libutf8proc;libutf8proc-dev;utf8proc"
  "has_header gtest/gtest.h gtest;libgtest-dev;googletest"
  "has_header gmock/gmock.h gmock;libgmock-dev;googletest"
)
skippable=() # the tests that need these say so and are skipped
if ((tests)); then
  needs+=(
    "has_command shellcheck;shellcheck;shellcheck"
    "has_command clang-format;clang-format;llvm"
  )
  skippable+=(
    "has_system_command slurmctld;slurmctld;slurm"
    "has_system_command slurmd;slurmd;slurm"
    "has_command sbatch;slurm-client;slurm"
    "has_system_command munged;munge;munge"
    "has_system_command ip;iproute2;-"
    "has_chromium;chromium;chromium"
    "has_lmod;lmod;-"
  )
fi

missing=() missing_skippable=()
missing_of() { # NEED...: those that are not there, one a line
  local need probe
  for need in "$@"; do
    read -ra probe <<< "${need%%;*}"
    "${probe[@]}" || printf '%s\n' "$need"
  done
}
find_missing() {
  mapfile -t missing < <(missing_of "${needs[@]}")
  mapfile -t missing_skippable < <(missing_of "${skippable[@]}")
}
packages_of() { # NEED...
  printf '%s\n' "$@" | cut -d ';' -f 2 | sort -u
}
list_needs() { # NEED...
  local need package module
  for need in "$@"; do
    IFS=';' read -r _ package module <<< "$need"
    printf '  Debian package %-30s module %s\n' "$package" "$module"
  done
}

find_missing
if ((${#missing[@]} + ${#missing_skippable[@]})) && [[ $(id -u) = 0 ]] && has_command apt-get; then
  mapfile -t packages < <(packages_of "${missing[@]}" "${missing_skippable[@]}")
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt_options=(-qq -o DPkg::Lock::Timeout=600)
  apt-get "${apt_options[@]}" update || fail "apt-get update failed; see its message above"
  apt-get "${apt_options[@]}" install --yes --no-install-recommends "${packages[@]}" > /dev/null ||
    fail "apt-get could not install ${packages[*]}; see its message above"
  hash -r
  find_missing
fi
if ((${#missing[@]})); then
  {
    printf 'env/setup.sh: %d missing; load the module or have the Debian package installed, then run it again:\n' "${#missing[@]}"
    list_needs "${missing[@]}"
  } >&2
  exit 1
fi
if ((${#missing_skippable[@]})); then
  {
    printf 'env/setup.sh: warning: tests that need one of these will be skipped:\n'
    list_needs "${missing_skippable[@]}"
  } >&2
fi

# ---- LibTorch, and a CUDA toolkit for it ---------------------------------------------------------------------------

given_libtorch() { # prints the prefix of the LibTorch that the environment names
  local prefix
  if [[ -e ${Torch_DIR:-}/TorchConfig.cmake ]]; then
    (cd "$Torch_DIR/../../.." && pwd)
    return
  fi
  while IFS= read -r -d : prefix; do
    if [[ -n $prefix && -e $prefix/share/cmake/Torch/TorchConfig.cmake ]]; then
      printf '%s\n' "$prefix"
      return
    fi
  done <<< "${CMAKE_PREFIX_PATH:-}:"
}
nvcc_of_machine() {
  local candidate
  for candidate in "${CUDA_HOME:+$CUDA_HOME/bin/nvcc}" "$(command -v nvcc || true)" /usr/local/cuda/bin/nvcc; do
    if [[ -x $candidate ]]; then
      printf '%s\n' "$candidate"
      return
    fi
  done
}

given=$(given_libtorch)
nvcc=$(nvcc_of_machine)
have_toolkit=0
if [[ -n $given ]]; then
  say "LibTorch: $given, given by the environment"
  if [[ -e $given/lib/libtorch_cuda.so && -z $nvcc ]]; then
    fail "the LibTorch in $given was built with CUDA and no nvcc is found; load the module cuda that it was built with, or set CUDA_HOME"
  fi
elif [[ -n $nvcc ]] && "$nvcc" --version | grep -q 'release 13\.'; then
  # The wheel is built with CUDA 13; the toolkit's major version must agree.
  have_toolkit=1
  say "CUDA toolkit: ${nvcc%/bin/nvcc}"
fi

want_libtorch=0 want_cuda=0 want_python=0
find_wanted() {
  want_libtorch=0 want_cuda=0 want_python=0
  if [[ -z $given ]]; then
    [[ -e $deps/$LIBTORCH_FOLDER ]] || want_libtorch=1
    ((have_toolkit)) || [[ -e $deps/$CUDA_FOLDER ]] || want_cuda=1
  fi
  if ((tests)) && [[ ! -e $deps/$PYTHON_FOLDER ]]; then want_python=1; fi
}
anything_wanted() { ((want_libtorch || want_cuda || want_python)); }

done_line() {
  if [[ -z $given ]]; then say "LibTorch: $deps/$LIBTORCH_FOLDER"; fi
  say "ready; build with: cmake --preset release && cmake --build --preset release"
}
find_wanted
if ! anything_wanted; then
  done_line
  exit 0
fi
[[ $(uname -sm) = "Linux x86_64" ]] ||
  fail "the pinned LibTorch is for Linux x86_64, not $(uname -sm); name another one by CMAKE_PREFIX_PATH"

mkdir -p "$deps" 2> /dev/null || true
[[ -w $deps ]] || fail "cannot write $deps; place it elsewhere with TRAINYARD_DEPS"
exec 9> "$deps/.lock"
if ! flock --nonblock 9; then
  say "waiting for another set-up in $deps"
  flock 9
  find_wanted # what the other one made is there now
  if ! anything_wanted; then
    done_line
    exit 0
  fi
fi
rm -rf "$deps"/.partial-* # of an interrupted set-up: the lock says that none runs
free_kib=$(df --output=avail -k "$deps" | tail -n 1)
needed_gb=$((want_libtorch * 7 + want_cuda * 1 + want_python * 6))
((free_kib > needed_gb * 1000 * 1000)) ||
  fail "$deps has $((free_kib / 1000000)) GB free and set-up needs $needed_gb; make room or set TRAINYARD_DEPS"

partial=$(mktemp -d "$deps/.partial-XXXXXX")
trap 'rm -rf "$partial"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

download() { # REQUIREMENTS FOLDER: wheels for one platform whatever the local Python is, checked against their hashes
  python3 -m pip download --quiet --no-input --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
    --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_25_x86_64 \
    --platform manylinux_2_18_x86_64 --platform manylinux2014_x86_64 --platform manylinux2010_x86_64 \
    --platform manylinux1_x86_64 --platform any --dest "$2" --requirement "$1" ||
    fail "pip could not download the wheels of env/${1##*/}; see its message above, check the network or PIP_INDEX_URL, and run it again"
}
publish() { # FOLDER: what is complete appears under its name at once
  sync -f "$partial/$1"
  mv -T "$partial/$1" "$deps/$1"
  say "$1: $(find "$deps/$1" | wc -l) files, $(du -sh "$deps/$1" | cut -f1)"
}

mkdir "$partial/wheels"
if ((want_libtorch)); then
  say "downloading LibTorch (2.6 GB)"
  download "$here/libtorch.txt" "$partial/wheels"
  mkdir "$partial/$LIBTORCH_FOLDER"
  python3 "$here/unpack_wheels.py" libtorch "$partial/$LIBTORCH_FOLDER" "$partial"/wheels/*.whl
  publish "$LIBTORCH_FOLDER"
fi

if ((want_cuda)); then
  say "downloading the CUDA compiler (0.1 GB)"
  mkdir "$partial/cuda-wheels"
  download "$here/cuda.txt" "$partial/cuda-wheels"
  cuda=$partial/$CUDA_FOLDER
  mkdir "$cuda"
  python3 "$here/unpack_wheels.py" cuda "$cuda" "$partial"/cuda-wheels/*.whl
  # Headers and libraries that LibTorch's folder has already: links, relative, so that the whole place can be moved.
  runtime=../../$LIBTORCH_FOLDER/nvidia/cu13
  mkdir -p "$cuda/lib64"
  for header in "$deps/$LIBTORCH_FOLDER"/nvidia/cu13/include/*; do
    [[ -e $cuda/include/${header##*/} ]] || ln -s "$runtime/include/${header##*/}" "$cuda/include/"
  done
  for library in "$deps/$LIBTORCH_FOLDER"/nvidia/cu13/lib/lib*; do
    name=${library##*/}
    ln -s "$runtime/lib/$name" "$cuda/lib64/$name"
    case $name in
      *.so.*) ln -sf "$runtime/lib/$name" "$cuda/lib64/${name%%.so.*}.so" ;;
    esac
  done
  publish "$CUDA_FOLDER"
fi

if ((want_python)); then
  say "installing PyTorch's Python for the tests"
  # A virtual environment's bin/python works where it is moved to; the other scripts in bin do not, and are not needed.
  venv=$partial/$PYTHON_FOLDER
  python3 -m venv --without-pip "$venv"
  python3 -m pip --python "$venv/bin/python" install --quiet --no-input --disable-pip-version-check --no-cache-dir \
    --find-links "$partial/wheels" --requirement "$here/python.txt" ||
    fail "pip could not install env/python.txt; see its message above, check the network or PIP_INDEX_URL, and run it again"
  python3 -m pip --python "$venv/bin/python" install --quiet --no-input --disable-pip-version-check --no-cache-dir \
    --no-deps --requirement "$here/huggingface.txt" ||
    fail "pip could not install env/huggingface.txt; see its message above and run it again"
  find "$venv/bin" -type f -delete
  if [[ -d $deps/$LIBTORCH_FOLDER ]]; then # 4 GB of libraries are the same: keep them once
    site=$(echo "$venv"/lib/python3*/site-packages)
    (cd "$site" && find torch/lib nvidia -type f -size +1M -print0) | while IFS= read -r -d '' file; do
      if cmp -s "$site/$file" "$deps/$LIBTORCH_FOLDER/$file"; then ln -f "$deps/$LIBTORCH_FOLDER/$file" "$site/$file"; fi
    done
  fi
  publish "$PYTHON_FOLDER"
fi
done_line
