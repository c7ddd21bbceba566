#!/usr/bin/env bash
# What made this folder. It wants vitbench on the path and CIFAR-10 where VITBENCH_DATA says.
#
# Preset cpu at three epochs instead of its nine, the same for every run, because all of it together is some hundred
# runs' worth; three seeds, and five where three could not tell. Two cores of an AMD EPYC (a virtual machine), torch
# 2.14.1, two runs at a time with one thread each; other work shared the cores, so times in the report are upper bounds.
# Bits differ on another machine, and the numbers with them by what another seed would change.
set -euo pipefail
cd "$(dirname "$0")"
recipe=(--preset cpu --epochs 3 --jobs 2 --wandb disabled)

# Calling this again goes on where it was: what a results file records is done.
vitbench sweep pos-embed pos-embed-as-published augmentation patch-size "${recipe[@]}" --seeds 3
vitbench sweep hyperparams differential.yaml "${recipe[@]}" --seeds 5

# Six epochs of 4x4, and what 2x2 and 8x8 get for the same FLOPs.
vitbench sweep patch-size-equal-flops.yaml "${recipe[@]}" --epochs 6 --seeds 3

# The model that is looked into: one run of preset cpu-long, 52 minutes of two threads.
vitbench train --preset cpu-long --out model --wandb disabled
vitbench visualize all model --dpi 100 --name cpu-long
vitbench visualize compare results/positional_embedding_results.json --dpi 100
vitbench diff results/positional_embedding_results.json:sinusoidal none --figures figures/diff

vitbench report results --figures figures --out RESULTS.md
