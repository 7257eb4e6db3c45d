#!/usr/bin/env bash
# An attack on many GPUs under SLURM: one process for each GPU, all on one run folder.
#
#   sbatch --nodes=8 scripts/slurm.sh --victim runs/pneumonia-resnet50-224 --all --run runs/attack-all
#
# Submit it again with the same arguments, and any number of nodes, to go on with what a time limit or a broken node
# left. The checkout, data/ and runs/ lie on a file system that all nodes share, mounted with locks (Lustre: -o flock).
#SBATCH --job-name=jaxpix
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
# A node that fails takes its own tasks with it, not the others.
#SBATCH --no-kill
# SLURM's warning before the time limit; what is finished is on the disk all the same.
#SBATCH --signal=TERM@60
set -euo pipefail

cd "${SLURM_SUBMIT_DIR:?submit this with sbatch}"
source "${JAXPIX_ENVIRONMENT:-.venv}/bin/activate"

# --cluster: JAX learns the address and the numbers of the processes from SLURM.
srun --kill-on-bad-exit=0 python -m jaxpix.attack --cluster "$@"
