#!/bin/bash
# tests/bench_test.sh: what bench counts (not what it times): memory that a training step and a prediction ask of the system.
. "$(dirname "$0")/shell.sh"

# figure NAME COMMAND...: the figure of that name in the line of JSON that the command prints
figure() {
  local name=$1
  shift
  "$@" --json 2>&1 | sed -n "s/.*\"$name\":\"\{0,1\}\([^,\"}]*\).*/\1/p"
}

# at_most LIMIT NAME COMMAND...
at_most() {
  local limit=$1 name=$2 value
  shift 2
  value=$(figure "$name" "$@")
  if [ -n "$value" ] && awk -v v="$value" -v l="$limit" 'BEGIN { exit !(v + 0 <= l + 0) }'; then
    ok "${*##*/}: $name is $value"
  else
    bad "${*##*/}: $name is '$value', expected $limit or less"
  fi
}

# After two warm-up steps all memory comes out of the pool, and the operating system agrees: under 100 page faults a step.
# A sanitizer's own memory, and a pool that keeps nothing, would be counted as the step's.
if build_has SANITIZE=. || [ "${MEDUSA_POOL:-}" = off ]; then
  echo "left out: page faults of a step (sanitizer, or no pool)"
else
  for net in "stl 2dtiny" "hps 2dsmall" "mtan 3dtiny" "ctan 2dsmall" "ctan 3dtiny"; do
    read -r arch shape <<<"$net"
    for threads in 1 2; do
      step=("$BIN/bench" step --arch "$arch" --shape "$shape" --threads $threads --steps 3)
      at_most 0 system_allocations "${step[@]}"
      at_most 99 page_faults_per_step "${step[@]}"
    done
  done
  at_most 0 system_allocations "$BIN/bench" infer --arch ctan --shape 2dsmall --repeats 5
  at_most 99 page_faults "$BIN/bench" infer --arch ctan --shape 2dsmall --repeats 5
fi

[ "$(figure batch "$BIN/bench" infer --arch hps --shape 3dtiny --batch 3 --repeats 1)" = 3 ] && ok "infer: --batch" || bad "infer: --batch"
[[ $("$BIN/bench" --help) == *MEDUSA_ORACLE* ]] && ok "bench --help: MEDUSA_ORACLE" || bad "bench --help: no MEDUSA_ORACLE"
for command in step infer ops load roofline; do
  [[ $("$BIN/bench" $command --help) == *MEDUSA_ORACLE* ]] && bad "bench $command --help: of the tables" || ok "bench $command --help: its own"
done
MEDUSA_SIMD=base expect 0 '"isa":"base"' "$BIN/bench" infer --arch stl --shape 2dtiny --repeats 1 --json
expect 2 'expected one of 2d, 2dsmall' "$BIN/bench" infer --shape 4d
expect 2 '--batch 0: expected 1 to 4096' "$BIN/bench" infer --batch 0
expect 2 '--repeats 0: expected 1 or more' "$BIN/bench" infer --repeats 0
expect 2 '--steps 0: expected 1 or more' "$BIN/bench" step --steps 0
expect 2 '--steps 0: expected 1 or more' "$BIN/bench" --steps 0
expect 2 '--threads 1,x: expected numbers' "$BIN/bench" --threads 1,x
expect 0 'sparse volume, ' "$BIN/bench" load --repeats 1
expect 2 'MEDUSA_RECOMPUTE=off: expected 0 ' env MEDUSA_RECOMPUTE=off "$BIN/bench" step --shape 2dtiny
expect 2 'MEDUSA_SIMD=sse9: expected base, avx2 or avx512' env MEDUSA_SIMD=sse9 "$BIN/bench" step --shape 2dtiny
exit $failed
