#!/usr/bin/env bash
# What needs a CUDA device: the tests of it, the stages, one extraction at full size, clicks.
#
#     PYTHON=.venv/bin/python benchmarks/cuda.sh OUT [WEIGHTS]
#
# OUT gets a text or JSON file of each. WEIGHTS is DINOv2 Small's folder, the cache's if left out.
# A step that fails is said at the end, and the others are made.
set -u
cd "$(dirname "$0")/.."
out=${1:?a folder for what is measured} weights=${2:+--weights $2}
export PYTHONPATH=src${PYTHONPATH:+:$PYTHONPATH}
mkdir -p "$out"
failed=()

step() { # NAME COMMAND...
    local name=$1
    shift
    echo "== $name: $*"
    "${PYTHON:-python3}" "$@" >"$out/$name.txt" 2>&1 || failed+=("$name")
    tail -n 25 "$out/$name.txt"
}

step tests -m pytest -q -p no:cacheprovider tests/test_cuda.py tests/backbones/test_cuda.py
for side in 64 128; do
    step "gpu-$side" -m benchmarks.gpu --side $side --out "$out"
    step "extraction-$side" -m benchmarks.extraction --side $side --device cuda --out "$out"
done
for preset in offline dinov2-graph; do
    for device in cpu cuda; do
        # shellcheck disable=SC2086 # an option and its value, or nothing
        step "network-$preset-$device" -m benchmarks.network --preset $preset --device $device \
            $([ $preset = offline ] || echo $weights) --out "$out"
    done
done
echo "failed: ${failed[*]:-nothing}"
[ ${#failed[@]} -eq 0 ]
