#!/bin/bash
# tests/replay_balancing_test.sh: replay --balancing, the weights of every method for losses and gradients from a file.
. "$(dirname "$0")/shell.sh"

step='{"losses": [2, 1], "gram": [1, 0.5, 0.5, 4], "losses_after": [1.9, 1]}'
for method in equal rlw scaleinvariant gls dwa uw famo stch gradnorm dbmtl pcgrad mgda cagrad imtl nashmtl fairgrad alignedmtl upgrad; do
  echo "{\"method\": \"$method\", \"tasks\": 2, \"options\": {}, \"steps\": [$step, $step], \"epochs\": [[2, 1]]}"
done >"$work/in.jsonl"
echo '{"method": "fixed", "tasks": 2, "options": {"task-weights": [3, 1]}, "steps": [{}]}' >>"$work/in.jsonl"
if "$BIN/replay" --balancing "$work/in.jsonl" --out "$work/out.jsonl" >"$work/log" 2>&1; then ok "every method"; else bad "$(cat "$work/log")"; fi
[ "$(wc -l <"$work/in.jsonl")" = "$(wc -l <"$work/out.jsonl")" ] && ok "a line for each" || bad "$(cat "$work/out.jsonl")"
# By hand: equal; scale-invariant 1 / L; FAMO at its start (z / L) / sum; fixed as given.
with_python json "weights by hand" && { "$python" - "$work" <<'P' && ok "weights by hand" || bad "weights by hand"
import json, sys
lines = lambda name: [json.loads(text) for text in open(f"{sys.argv[1]}/{name}")]
found = {line["method"]: weights for line, weights in zip(lines("in.jsonl"), lines("out.jsonl"))}
for method, first in {"equal": [1, 1], "scaleinvariant": [0.5, 1], "famo": [1 / 3, 2 / 3], "fixed": [3, 1]}.items():
    assert all(abs(a - b) < 1e-12 for a, b in zip(found[method][0], first)), (method, found[method])
assert found["famo"][1] != found["famo"][0], "FAMO did not move"
P
}
# refused LINE WHAT: status 2, one line that names file and line
refused() {
  echo "$1" >"$work/bad.jsonl"
  rm -f "$work/none"
  "$BIN/replay" --balancing "$work/bad.jsonl" --out "$work/none" >"$work/log" 2>&1
  local status=$?
  if [ $status = 2 ] && [ "$(wc -l <"$work/log")" = 1 ] && grep -q "bad.jsonl:1: .*$2" "$work/log" && [ ! -e "$work/none" ]; then
    ok "refused: $2"
  else
    bad "$1: status $status: $(cat "$work/log")"
  fi
}
refused '{"method": "famos", "tasks": 2, "steps": []}' famos
refused '{"method": "famo", "tasks": 1e30, "steps": []}' 'whole number'
refused '{"method": "famo", "tasks": 2, "steps": [{"losses": [1, 2]}]}' losses_after
refused '{"method": "pcgrad", "tasks": 2, "steps": [{"gram": [1, 2]}]}' 'gram: expected 4'
refused '{"method": "cagrad", "tasks": 2, "options": {"heat": 1}, "steps": []}' heat
refused 'no json' parse
exit $failed
