#!/bin/bash
# Agreement with PyTorch: cases made by an oracle script, done again by `replay`, compared tensor by tensor.
# MEDUSA_ORACLE: a folder with oracle.py and compare.py; needs a Python with torch (MEDUSA_PYTHON, or one in the PATH).
# MEDUSA_DEVICE=cuda replays on a GPU, or on the simulated one of a SIM build.
# The list below has one case for everything that could go wrong by itself.  MEDUSA_ORACLE_RANDOM=N adds N networks drawn
# at random - architecture, sizes, tasks, options: the general case - beginning with number MEDUSA_ORACLE_SEED (1).
. "$(dirname "$0")/shell.sh"
bin=$BIN
oracle=${MEDUSA_ORACLE:-}
if [ -z "$oracle" ]; then
  echo "left out: agreement with PyTorch (MEDUSA_ORACLE names no folder with oracle.py)"
  exit 0
fi
[ -f "$oracle/oracle.py" ] || { echo "FAILED: MEDUSA_ORACLE: there is no $oracle/oracle.py"; exit 1; }
with_python 'torch, numpy' 'agreement with PyTorch' || exit 0

tolerance=1e-4
precision=()
if build_has REAL=double; then
  tolerance=1e-9
  precision=(--double)
fi
no_random=""  # as in run.sh
setarch -R true 2>/dev/null && no_random="setarch -R"

# agree WHAT ORACLE_OPTIONS...
agree() {
  local what=$1 case=$work/case
  shift
  rm -rf "$case"
  if "$python" "$oracle/oracle.py" "$@" "${precision[@]}" --out "$case" >"$work/log" 2>&1 &&
    $no_random "$bin/replay" ${MEDUSA_DEVICE:+--device "$MEDUSA_DEVICE"} --case "$case" --out "$work/out.safetensors" >>"$work/log" 2>&1 &&
    "$python" "$oracle/compare.py" "$case" "$work/out.safetensors" --tol $tolerance >>"$work/log" 2>&1; then
    echo "ok: agrees with PyTorch within $tolerance${MEDUSA_DEVICE:+, on $MEDUSA_DEVICE}: $what"
  elif beyond_single "$case"; then
    echo "undecided in single precision: $what"
  else
    cat "$work/log"
    echo "FAILED: agrees with PyTorch within $tolerance: $what"
    failed=1
  fi
}

# beyond_single CASE: one drawn at random that single precision cannot decide: a ReLU or maximum lies within rounding of a
# jump of its gradient (case.json: kink_margin); or all agrees but a weight or two after three steps of Adam, whose steps
# divide by gradients, also by tiny ones.
beyond_single() {
  [ -n "${drawn:-}" ] && [ $tolerance = 1e-4 ] || return 1
  "$python" -c 'import json, sys; sys.exit(json.load(open(sys.argv[1]))["kink_margin"] > 3e-6)' "$1/case.json" ||
    { grep -q ': error ' "$work/log" && ! grep -E ': (error|missing|shape|not finite)' "$work/log" | grep -qv '^adam3\.'; }
}

# exits STATUS TEXT: the last command line of replay ended so and said so
exits() {
  local status=$1 text=$2 got=0
  shift 2
  $no_random "$bin/replay" "$@" >"$work/log" 2>&1 || got=$?
  if [ $got = "$status" ] && grep -qF -- "$text" "$work/log"; then
    echo "ok: replay says: $text"
  else
    cat "$work/log"
    echo "FAILED: replay ended with $got, expected $status and: $text"
    failed=1
  fi
}

lesion='{"name":"lesion","kind":"segmentation","channels":1}'
dose='{"name":"dose","kind":"regression","channels":2}'
grade='{"name":"grade","kind":"classification","channels":4}'
findings='{"name":"find","kind":"binary","channels":3}'

# The seeds are such that no ReLU or maximum of these cases is close to a jump of its gradient.
agree "single ops" --ops
agree "HPS, three tasks" --arch hps --rank 2 --widths 3,7 --size 6,10 --batch 3 --in-channels 1 \
  --tasks "[$dose,$findings,$lesion]" --seed 3
agree "HPS on volumes, two tasks" --arch hps --rank 3 --widths 3,7 --size 4,6,8 --batch 1 --in-channels 1 \
  --tasks "[$lesion,$grade]" --seed 5
agree "HPS, wide enough for Winograd's convolution" --arch hps --rank 2 --widths 16,20 --size 10,14 --batch 1 \
  --tasks "[$lesion]" --seed 21
agree "STL, one task" --arch stl --rank 2 --widths 5,9,17 --size 12,20 --batch 1 --tasks "[$lesion]" --seed 1
agree "STL on volumes, one task" --arch stl --rank 3 --widths 3,7 --size 4,6,2 --batch 2 --in-channels 2 \
  --tasks "[$dose]" --seed 4
agree "MTAN, two tasks" --arch mtan --rank 2 --widths 5,9,7 --size 12,20 --batch 2 --in-channels 3 \
  --tasks "[$lesion,$grade]" --seed 1
agree "MTAN on volumes, three tasks" --arch mtan --rank 3 --widths 3,7 --size 4,6,8 --batch 2 --in-channels 1 \
  --tasks "[$dose,$findings,$lesion]" --seed 2
agree "CTAN, two tasks" --arch ctan --rank 2 --widths 5,9,7 --size 12,20 --batch 2 --in-channels 3 \
  --tasks "[$lesion,$grade]" --seed 1
agree "CTAN, three tasks, channels attend, all options other than by default" --arch ctan --rank 2 --widths 4,7 \
  --size 10,6 --batch 3 --in-channels 1 --tasks "[$dose,$findings,$lesion]" --seed 2 \
  --attention channel --no-scale --projections linear --no-residual
agree "CTAN on volumes, four tasks, learned projections" --arch ctan --rank 3 --widths 3,7 --size 4,6,8 --batch 2 \
  --in-channels 2 --tasks "[$lesion,$grade,$dose,$findings]" --seed 3 --projections linear
agree "CTAN, channels attend" --arch ctan --rank 2 --widths 17,6 --size 8,14 --batch 2 --in-channels 2 \
  --tasks "[$grade,$dose]" --seed 4 --attention channel

if [ -n "${MEDUSA_ORACLE_RANDOM:-}" ]; then
  drawn=yes
  for ((number = ${MEDUSA_ORACLE_SEED:-1}, rest = MEDUSA_ORACLE_RANDOM; rest > 0; ++number, --rest)); do
    mapfile -t options < <("$python" tests/random_net.py "$number")
    agree "${options[*]}" "${options[@]}"
  done
  drawn=""
fi

exits 2 "case.json" --case "$work/nowhere" --out "$work/x.safetensors"
echo '{"kind": "ops"}' >"$work/case.json"
exits 2 "io.safetensors" --case "$work" --out "$work/x.safetensors"
echo '{"arch": ' >"$work/case.json"
exits 2 "$work/case.json: " --case "$work" --out "$work/x.safetensors"
exit $failed
