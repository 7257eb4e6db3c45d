#!/usr/bin/env bash
# Downloads the wheels that jaxpix needs on a GPU machine without a network, for Linux on x86-64:
#
#   bash scripts/gpu_wheels.sh FOLDER          then, on that machine: JAXPIX_WHEELS=FOLDER bash scripts/study_gpu.sh
#
# The versions are those of constraints.txt. The machine is expected to have JAX, Flax, Optax, Orbax, matplotlib, NumPy,
# pyarrow, Pillow, rich, safetensors and huggingface_hub with all that they need; of the rest, everything is in the list.
#
# JAXPIX_PYTHON           interpreter whose pip downloads (python3)
# JAXPIX_PYTHON_VERSION   of the GPU machine's interpreter (3.12)
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$#" -eq 1 ] || { echo "which folder? bash scripts/gpu_wheels.sh FOLDER" >&2; exit 2; }
folder="$1" python="${JAXPIX_PYTHON:-python3}" version="${JAXPIX_PYTHON_VERSION:-3.12}"

options_and_values=(tyro docstring_parser typeguard typing_extensions pydantic pydantic_core annotated-types
  typing-inspection tomli_w)
search=(evosax)
pipeline=(grain array_record cloudpickle portpicker)
# What tensorflow-datasets imports where only array records are read and written, not all that it names.
datasets=(tensorflow-datasets tensorflow-metadata protobuf dm-tree attrs wrapt immutabledict toml etils absl-py six)
downloads=(pooch platformdirs)
page=(Jinja2 MarkupSafe)
# Published as source only; it is pure Python.
from_source=(promise)

versions="$(mktemp)"
trap 'rm -f "$versions"' EXIT
# What depends on the interpreter's version is none of the list; pip would ask this interpreter, not the machine's.
grep -v ';' constraints.txt > "$versions"
mkdir -p "$folder"
pip() { "$python" -m pip --disable-pip-version-check --quiet "$@"; }
pip download --no-deps --only-binary :all: --dest "$folder" --constraint "$versions" \
  --implementation cp --python-version "$version" --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
  --platform manylinux2014_x86_64 --platform manylinux1_x86_64 --platform any \
  "${options_and_values[@]}" "${search[@]}" "${pipeline[@]}" "${datasets[@]}" "${downloads[@]}" "${page[@]}"
pip wheel --no-deps --wheel-dir "$folder" --constraint "$versions" "${from_source[@]}"
echo "$(find "$folder" -name '*.whl' | wc -l) wheels, $(du -k -c "$folder"/*.whl | tail -n 1 | cut -f 1) KiB: $folder"
