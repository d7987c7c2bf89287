#!/bin/bash
# tests/plot_test.sh: learning curves of small runs.
. "$(dirname "$0")/shell.sh"

for run in a b; do
  mkdir "$work/$run"
  for epoch in 1 2 3; do
    echo '{"epoch":'$epoch',"loss":{"x":0.'$epoch'},"val_loss":{"x":0.5},"val":{"x":{"dice":0.25,"iou":null}}}'
  done >"$work/$run/metrics.jsonl"
done
expect 0 '2 panels of 2 runs' "$BIN/plot" --run "$work/a" --run "$work/b" --out "$work/curves.svg"
[ "$(grep -c '<polyline' "$work/curves.svg")" = 6 ] && ok "two runs: two losses and a metric each" || bad "curves"
python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$work/curves.svg" 2>/dev/null &&
  ok "the picture is XML" || { command -v python3 >/dev/null && bad "the picture is no XML" || ok "no python3 to check the XML"; }
mkdir "$work/balanced"
echo '{"epoch":1,"loss":{"x":1,"y":1},"task_weight":{"x":1,"y":2},"shared_grad_norm":{"x":1,"y":2},"cosine":{"x,y":-0.5}}' \
  >"$work/balanced/metrics.jsonl"
expect 0 '7 panels of 1 runs' "$BIN/plot" --run "$work/balanced" --out "$work/balanced.svg"
grep -q 'x,y: cosine of gradients' "$work/balanced.svg" && ok "a panel for the cosine" || bad "no panel for the cosine"
expect 2 'there is no such run folder' "$BIN/plot" --run "$work/none" --out "$work/x.svg"
expect 2 'metrics.jsonl' "$BIN/plot" --run "$work" --out "$work/x.svg"
echo nonsense >>"$work/a/metrics.jsonl"
expect 2 'metrics.jsonl:4' "$BIN/plot" --run "$work/a" --out "$work/x.svg"
: >"$work/b/metrics.jsonl"
expect 2 'no epoch is finished' "$BIN/plot" --run "$work/b" --out "$work/x.svg"
[ ! -e "$work/x.svg" ] && ok "nothing is written after an error" || bad "a picture after an error"
exit $failed
