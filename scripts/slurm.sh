#!/usr/bin/env bash
# An attack on many GPUs under SLURM: Ray on every node, one worker for each GPU, the driver on the first node.
#
#   sbatch --nodes=8 scripts/slurm.sh --victim runs/pneumonia-resnet50-224 --all --run runs/attack-all
#
# Submit it again with the same arguments, and any number of nodes, to go on with what a time limit or a broken node
# left. The checkout and data/ lie where all nodes see them; runs/ is written by the first node only.
#SBATCH --job-name=jaxpix
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --exclusive
#SBATCH --time=24:00:00
# A node that fails takes its own workers with it; others do its work.
#SBATCH --no-kill
# SLURM's warning before the time limit; what is finished is on the disk all the same.
#SBATCH --signal=TERM@60
set -euo pipefail

cd "${SLURM_SUBMIT_DIR:?submit this with sbatch}"
source "${JAXPIX_ENVIRONMENT:-.venv}/bin/activate"

# Whoever has no token cannot give the cluster work; it is not encrypted, so the network must be your own.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN="${RAY_AUTH_TOKEN:-$(python -c 'import secrets; print(secrets.token_hex(32))')}"
# sed reads to the end: whoever stops at the first line may end scontrol by a signal, and this script with it.
head="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)"
export RAY_ADDRESS="$head:${JAXPIX_PORT:-6379}"

# Nodes load Python from a file system that all of them use at once.
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT="${RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT:-300}"

# The same command on every node: Ray's own way to begin together. The command after -- runs on the first node alone, which
# is this one. With several nodes Ray's way may end with an error though the command did not: what counts is the command's.
status="$(mktemp)"
srun --kill-on-bad-exit=0 ray symmetric-run --address "$RAY_ADDRESS" --min-nodes "$SLURM_JOB_NUM_NODES" -- \
  bash -c 'python -m jaxpix.attack --ray "${@:2}"; echo $? > "$1"' attack "$status" "$@" || true
exit "$(grep . "$status" || echo 1)"
