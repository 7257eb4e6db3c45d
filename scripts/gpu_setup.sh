# Sourced by the scripts for GPU machines: makes jaxpix importable as it lies there, for `$python`.
#
# JAXPIX_PYTHON     interpreter with JAX for the GPU and what else is installed (python3)
# JAXPIX_WHEELS     folder of wheels for what is missing where no index can be reached (scripts/gpu_wheels.sh makes it)
# JAXPIX_COMMIT     the commit, where the checkout has no .git; results name it
#
# jaxpix_gpu_setup FOLDER: call it in the root of the checkout; FOLDER takes the unpacked wheels.
jaxpix_gpu_setup() {
  local site="$1/site"
  python="${JAXPIX_PYTHON:-python3}"
  export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
  [ -n "${JAXPIX_WHEELS:-}" ] || return 0
  # Before what is installed: an older copy of the same package may be too old.
  export PYTHONPATH="$PYTHONPATH:$site"
  "$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --target "$site" "$JAXPIX_WHEELS"/*.whl
}
