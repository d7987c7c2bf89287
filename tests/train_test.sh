#!/bin/bash
# tests/train_test.sh: train and evaluate as a user calls them, above all wrongly.  BIN is the folder of the programs.
# Bad input is one line that names the file or option and the reason, status 2 (or 1 after a failure at run time), and
# leaves no half-written file behind.
. "$(dirname "$0")/shell.sh"

# judge NAME STATUS EXPECTED TEXT OUTPUT: exit status as expected and TEXT in the output, one line where it is an error
judge() {
  local lines
  lines=$(printf '%s\n' "$5" | wc -l)
  if [ "$2" != "$3" ]; then bad "$1: status $2, expected $3: $5"
  elif [[ $5 != *"$4"* ]]; then bad "$1: no '$4' in: $5"
  elif [ "$3" != 0 ] && [ "$lines" != 1 ]; then bad "$1: $lines lines of error: $5"
  else ok "$1: $4"; fi
}

# complete FOLDER: no temporary file, and every checkpoint in it can be read
complete() {
  [ -z "$(find "$1" -name '*.tmp' 2>/dev/null)" ] || bad "left behind: $(find "$1" -name '*.tmp')"
  local file
  for file in "$1"/*.safetensors; do
    [ ! -e "$file" ] || "$BIN/inspect" "$file" >/dev/null 2>&1 || bad "$file cannot be read"
  done
}

small=(--size 16x24 --widths 4,8 --batch 4 --epochs 1 --seed 1 --workers 1 --threads 1 --no-augment)

# refused STATUS TEXT OPTIONS...: train says TEXT before it begins a run
refused() {
  local status=$1 text=$2 out
  shift 2
  out=$("$BIN/train" --data "$work/data" --out "$work/refused" "${small[@]}" "$@" 2>&1 >/dev/null)
  judge "train $*" $? "$status" "$text" "$out"
  complete "$work/refused"
  [ ! -e "$work/refused/best.safetensors" ] || bad "train $*: wrote a checkpoint"
  rm -rf "$work/refused"
}

# broken NAME TEXT COMMAND...: train says TEXT about a copy of the dataset that COMMAND has broken, run inside the copy
broken() {
  local name=$1 text=$2 out
  shift 2
  cp -r "$work/data" "$work/broken"
  (cd "$work/broken" && "$@") || bad "$name: cannot be made"
  out=$("$BIN/train" --data "$work/broken" --out "$work/refused" "${small[@]}" 2>&1 >/dev/null)
  judge "$name" $? 2 "$text" "$out"
  complete "$work/refused"
  [ ! -e "$work/refused/best.safetensors" ] || bad "$name: wrote a checkpoint"
  rm -rf "$work/broken" "$work/refused"
}

# evaluated STATUS TEXT OPTIONS...
evaluated() {
  local status=$1 text=$2 out
  shift 2
  out=$("$BIN/evaluate" "$@" 2>&1)
  judge "evaluate" $? "$status" "$text" "$out"
}

"$BIN/phantom" --count 24 --seed 1 --size 48x64 --out "$work/data" >/dev/null || { bad "phantom"; exit 1; }
"$BIN/phantom" --count 24 --seed 1 --size 24x32 --out "$work/other" >/dev/null || { bad "phantom"; exit 1; }
table=HAM10000_metadata.csv masks=HAM10000_segmentations_lesion_tschandl
picture=$(cd "$work/data" && find . -name '*.jpg' | sort | head -1)
id=$(basename "$picture" .jpg)
mask=$masks/${id}_segmentation.png

# ---- the command line
refused 2 '--size 0: expected HEIGHTxWIDTH' --size 0
refused 2 '--size 0x0: expected HEIGHTxWIDTH' --size 0x0
refused 2 '--size 24: expected HEIGHTxWIDTH' --size 24
refused 2 '--batch 100: the training set has only' --batch 100
refused 2 '--batch 0: expected 1 or more' --batch 0
refused 2 '--epochs 0: expected 1 or more' --epochs 0
refused 2 '--epochs' --epochs many
refused 2 'expected one of stl, hps' --arch nonsense
refused 2 '--dataset nonsense: expected one of ham10000' --dataset nonsense
refused 2 '--lr: expected a number, found abc' --lr abc
refused 2 '--epochs: expected a whole number, found 1.5' --epochs 1.5
refused 2 '--threads: expected a whole number, found 4294967297' --threads 4294967297
refused 2 '--seed: expected a whole number of 0 or more, found 18446744073709551616' --seed 18446744073709551616
refused 2 '--epochs: expected a whole number, found 010' --epochs 010
refused 2 '--cache-mib 99999999999999: expected 0 to 1' --cache-mib 99999999999999
refused 2 '--milestones -5: expected 0 or more' --milestones -5
refused 2 '--widths: expected a whole number, found x' --widths 4,x
refused 2 '--power: expected a number, found ' --power ''
refused 2 '--ctan-scale: expected true or false, found maybe' --ctan-scale maybe
mkdir "$work/bare"
refused 2 "$work/bare/HAM10000_metadata.csv: cannot be read" --data "$work/bare/"
help=$("$BIN/train" --help)
judge "train --help: the datasets" $? 0 ': ham10000, openkbp, stoic, prostate, folder' "$help"
judge "train --help: the status" 0 0 'or SIGTERM stopped it' "$help"
refused 2 '--tasks nonsense: expected one of lesion, diagnosis' --tasks nonsense
refused 2 "needs at least 2 tasks, got 1" --arch ctan --tasks lesion
refused 2 '--lr -1: expected more than 0' --lr -1
refused 2 '--widths 0: expected 1 to 65536' --widths 0
refused 2 '--val-fraction 1: expected 0 or more, below 1' --val-fraction 1
refused 2 '--schedule nonsense: expected one of constant' --schedule nonsense
refused 2 '--balancing nonsense: expected one of equal, fixed' --balancing nonsense
refused 2 '--balancing fixed: --task-weights is missing' --balancing fixed
refused 2 '--task-weights: only with --balancing fixed' --task-weights 1,2
refused 2 'balancing fixed: 3 weights for 2 tasks' --balancing fixed --task-weights 1,2,3
refused 2 '--cagrad-c 2: expected 0 to 1' --balancing cagrad --cagrad-c 2
refused 2 '--nonsense' --nonsense 1
printf 'epcohs = 1\n' >"$work/slip.toml"
refused 2 'slip.toml: epcohs: unknown option; did you mean epochs?' --config "$work/slip.toml"
refused 2 '--epcohs=3; did you mean --epochs?' --epcohs=3
refused 2 'expected one of constant, step, cosine, poly, onecycle; did you mean cosine?' --schedule cosin
refused 2 "$work/none: there is no such folder" --data "$work/none"
refused 2 'there is no such run folder' --resume
out=$("$BIN/train" --out "$work/refused" 2>&1)
judge 'train without data' $? 2 '--data is missing' "$out"
out=$("$BIN/train" --data "$work/data" 2>&1)
judge 'train without a folder' $? 2 '--out is missing' "$out"
out=$("$BIN/train" --data "$work/data" --out "$work/data/$table" 2>&1)
judge 'train into a file' $? 2 "$table: is not a folder" "$out"
out=$("$BIN/train" --data "$work/data" --out "$work/data" 2>&1)
judge 'train into a full folder' $? 2 'is not empty; --resume goes on with a run' "$out"
out=$("$BIN/train" --out "$work/data" --resume 2>&1)
judge 'resume what is no run' $? 2 'there is no config.toml in it' "$out"

# ---- the data
empty() { : >"$1"; }
text() { echo 'this is a text' >"$1"; }
cut_to() { head -c "$2" "$1" >"$1.part" && mv "$1.part" "$1"; }
broken 'empty table' "$table" empty $table
broken 'table of a header alone' "$table: has a header but no rows" sed -i '2,$d' $table
broken 'table without a column' "$table" sed -i '1s/\bdx\b/diagnosis/' $table
broken 'unknown class' 'class nonsense is unknown' sed -i '2s/,\(akiec\|bcc\|bkl\|df\|mel\|nv\|vasc\),/,nonsense,/' $table
broken 'no masks' "$masks: there is no such folder" rm -r $masks
broken 'picture without a mask' "${id}_segmentation.png: missing: the mask of" rm "$mask"
broken 'row without a picture' "image $id.jpg is in neither" rm "$picture"
broken 'mask of another size' "${id}_segmentation.png: is 32x24, its image" cp "$work/other/$mask" "$mask"
broken 'truncated JPEG' "$id.jpg: " cut_to "$picture" 700
broken 'truncated PNG' "${id}_segmentation.png: " cut_to "$mask" 100
broken 'text called .jpg' "$id.jpg: " text "$picture"
broken 'text called .png' "${id}_segmentation.png: " text "$mask"
broken 'JPEG of zero bytes' "$id.jpg: " empty "$picture"
broken 'PNG of zero bytes' "${id}_segmentation.png: " empty "$mask"

# Other data than a run was begun with: fewer samples, or as many of other names.
cp -r "$work/data" "$work/fewer" && sed -i '18,$d' "$work/fewer/$table"
"$BIN/phantom" --count 24 --seed 2 --size 48x64 --out "$work/renamed" >/dev/null || bad "phantom"
sed -i 's/ISIC_9/ISIC_8/; s/HAM_9/HAM_8/' "$work/renamed/$table"
for file in "$work"/renamed/*/ISIC_9*; do mv "$file" "${file/ISIC_9/ISIC_8}"; done

# ---- a run, gone on with and evaluated
run=(--data "$work/data" "${small[@]}" --epochs 3)
"$BIN/train" --out "$work/run" "${run[@]}" >"$work/log" 2>&1 || bad "train: $(tail -1 "$work/log")"
for file in config.toml metrics.jsonl best.safetensors last.safetensors result.json cost.json; do
  [ -s "$work/run/$file" ] && ok "train wrote $file" || bad "train wrote no $file"
done
resumed() {  # STATUS TEXT OPTIONS...: of --resume, after which the run is as it was
  local status=$1 text=$2 out
  shift 2
  rm -rf "$work/again" && cp -r "$work/run" "$work/again"
  out=$("$BIN/train" --out "$work/again" --resume "$@" 2>&1 >/dev/null)
  judge "resume $*" $? "$status" "$text" "$out"
  diff -r "$work/run" "$work/again" >"$work/difference" || bad "resume $*: changed the run: $(cat "$work/difference")"
}
resumed 0 ''
resumed 2 'was begun with --arch "hps", not "stl"' --arch stl
resumed 2 'was begun with --widths [4, 8], not [4, 8, 16]' --widths 4,8,16
resumed 2 'was begun with --batch 4, not 2' --batch 2
resumed 2 'is it the same data?' --data "$work/fewer"
resumed 2 'is it the same data?' --data "$work/renamed"

# ---- more epochs: the bits of a run that had them from the beginning
tensors() { sha256sum "$work/$1"/{best,last}.safetensors | cut -d' ' -f1; grep -v seconds "$work/$1/result.json"; }
"$BIN/train" --out "$work/long" "${run[@]}" --schedule constant --epochs 5 >/dev/null 2>&1 || bad "train: 5 epochs"
"$BIN/train" --out "$work/longer" "${run[@]}" --schedule constant --epochs 2 >/dev/null 2>&1 || bad "train: 2 epochs"
expect 0 'epoch 5/5' "$BIN/train" --out "$work/longer" --resume --epochs 5
[ "$(tensors long)" = "$(tensors longer)" ] && ok "more epochs: the same bits" || bad "more epochs: other results"
expect 2 'epochs 3: the run has finished 5 already' "$BIN/train" --out "$work/longer" --resume --epochs 3
resumed 2 'was begun with --epochs 3, not 6 (--schedule onecycle plans for all epochs); start a new run' --epochs 6
MEDUSA_SIMD=base expect 0 'instructions, this is base: the last bits will differ (MEDUSA_SIMD=' \
  "$BIN/train" --out "$work/longer" --resume --epochs 6
expect 0 'with base instructions, this is ' "$BIN/train" --out "$work/longer" --resume --epochs 7
# ... and more patience, of a run that stopped early
"$BIN/train" --out "$work/patient" "${run[@]}" --schedule constant --epochs 20 --lr 0.3 --patience 2 >/dev/null 2>&1
short=$(wc -l <"$work/patient/metrics.jsonl")
expect 0 'epoch' "$BIN/train" --out "$work/patient" --resume --epochs 22 --patience 0
[ "$short" -lt 20 ] && [ "$(wc -l <"$work/patient/metrics.jsonl")" = 22 ] && ok "patience 2: $short epochs, then 22" ||
  bad "patience: $short epochs, then $(wc -l <"$work/patient/metrics.jsonl")"

# ---- a run that begins with another's weights
begin() { "$BIN/train" --out "$work/begun" --data "$work/data" "${small[@]}" --pretrained "$@" 2>&1; }
out=$(begin "$work/run" --lr 1e-12)
judge "the weights of a run" $? 0 "$work/run/best.safetensors: " "$out"
grep -q 'matched$' <<<"$out" && ok "all weights fit" || bad "not all weights fit: $out"
[ "$(grep -A9 '"val"' "$work/begun/result.json" | grep -v auc)" = "$(grep -A9 '"val"' "$work/run/result.json" | grep -v auc)" ] &&
  ok "its metrics are those of the run" || bad "$(diff "$work/begun/result.json" "$work/run/result.json")"
rm -rf "$work/begun"
out=$(begin "$work/run" --fresh-heads)
judge "but the heads" $? 0 ' ignored (heads.diagnosis.fc1.bias, heads.diagnosis.fc1.weight' "$out"
rm -rf "$work/begun"
out=$(begin "$work/run" --arch ctan)
judge "of another architecture" $? 0 ' missing (' "$out"
rm -rf "$work/begun"
out=$(begin "$work/run" --widths 4,8,16)
judge "other widths" $? 2 'does not fit the encoder of this network' "$out"
out=$(begin "$work/none")
judge "no such run" $? 2 "$work/none: cannot be" "$out"
out=$(begin "$work/data")
judge "not a run" $? 2 "is it the folder of a run?" "$out"

out=$("$BIN/train" --out "$work/notes" "${run[@]}" --epochs 1 --ctan-scale false --dwa-temperature 3 | grep 'no effect')
[ "$out" = "note: --dwa-temperature has no effect: the balancing is equal
note: --ctan-scale has no effect: the architecture is hps" ] || [ "$out" = "note: --ctan-scale has no effect: the architecture is hps
note: --dwa-temperature has no effect: the balancing is equal" ] && ok "options without effect are named" || bad "options without effect: $out"

evaluated 0 'balanced_accuracy' --run "$work/run"
[ "$("$BIN/evaluate" --run "$work/run" --json | tr -d ' \n')" = "$(sed -n '/"val"/,/^  }/p' "$work/run/result.json" | tr -d ' \n' | sed 's/^"val"://')" ] \
  && ok "evaluate says what result.json says" || bad "evaluate: $("$BIN/evaluate" --run "$work/run" --json)"
evaluated 2 'there is no such run folder' --run "$work/none"
evaluated 2 'there is no config.toml in it' --run "$work/data"
evaluated 2 'has no samples for it' --run "$work/run" --split test
evaluated 2 '--split' --run "$work/run" --split nonsense
evaluated 2 "$work/none: there is no such folder" --run "$work/run" --data "$work/none"
spoilt() {  # TEXT COMMAND...: what evaluate says about a run whose best.safetensors COMMAND has spoilt
  local text=$1
  shift
  rm -rf "$work/again" && cp -r "$work/run" "$work/again"
  (cd "$work/again" && "$@") || bad "$*"
  evaluated 2 "$text" --run "$work/again"
}
"$BIN/train" --out "$work/stl" "${run[@]}" --arch stl >"$work/log" 2>&1 || bad "train: $(tail -1 "$work/log")"
spoilt 'best.safetensors: holds a network of architecture stl, the run is of hps' cp "$work/stl/best.safetensors" .
spoilt 'there is no best.safetensors in it' rm best.safetensors
spoilt 'best.safetensors: ' cut_to best.safetensors 5000
spoilt 'best.safetensors: ' text best.safetensors
spoilt 'best.safetensors: ' empty best.safetensors
# Killed before its config.toml was written, a run begins again; what is not its own stays and is refused.
mkdir "$work/prepared" && cp "$work/run/provenance.json" "$work/prepared/" && : >"$work/prepared/config.toml.tmp"
"$BIN/train" --out "$work/prepared" "${run[@]}" >"$work/log" 2>&1 && cmp -s "$work/prepared/best.safetensors" "$work/run/best.safetensors" &&
  [ "$(grep -c '"date"' "$work/prepared/provenance.json")" = 1 ] && ok "a run that was only prepared begins again" || bad "prepared: $(cat "$work/log")"
mkdir "$work/mine" && : >"$work/mine/dataset.toml"
out=$("$BIN/train" --out "$work/mine" "${run[@]}" 2>&1)
judge 'train into a folder with a dataset.toml alone' $? 2 'is not empty' "$out"
[ -e "$work/mine/dataset.toml" ] || bad "a file of the user's was removed"

spoilt 'best.safetensors: does not belong to the result.json beside it' cp "$work/longer/best.safetensors" .
zero() { dd if=/dev/zero of="$1" bs=512 count=1 seek=$(($(wc -c <"$1") / 1024)) conv=notrunc 2>/dev/null; }
spoilt 'best.safetensors: is damaged: tensor ' zero best.safetensors

# ---- what the run was made of: its samples, its options, its epochs
damaged() {  # TEXT COMMAND...: what --resume says about a run that COMMAND has changed
  local text=$1 out
  shift
  rm -rf "$work/again" && cp -r "$work/run" "$work/again"
  (cd "$work/again" && "$@") || bad "$*"
  out=$("$BIN/train" --out "$work/again" --resume 2>&1 >/dev/null)
  judge "resume after: $*" $? 2 "$text" "$out"
  cmp -s "$work/run/best.safetensors" "$work/again/best.safetensors" || bad "$*: best.safetensors was written"
}
damaged 'last.safetensors: belongs to another run' cp "$work/longer/last.safetensors" .
damaged 'metrics.jsonl:2: is damaged or was changed' sed -i '2s/"grad_norm":./"grad_norm":7/' metrics.jsonl
damaged 'result.json: is damaged or was changed' sed -i 's/"epochs": 3/"epochs": 4/' result.json
damaged 'provenance.json: is damaged or was changed' sed -i 's/"count": 1/"count": 2/' provenance.json
damaged 'config.toml: lr is 0.5, the run was begun with 0.002' sed -i 's/^lr = .*/lr = 0.5/' config.toml
damaged 'config.toml: class-weights is "none", the run was begun with "sqrt"' sed -i 's/^class-weights = .*/class-weights = "none"/' config.toml
damaged 'metrics.jsonl:2: is epoch 3, expected 2' sed -i 2d metrics.jsonl
damaged 'metrics.jsonl: has 2 epochs, 3 were finished' sed -i '$d' metrics.jsonl
damaged 'there is no last.safetensors in it to resume from, although 3 epochs are finished' rm last.safetensors
damaged 'last.safetensors: is damaged: tensor ' zero last.safetensors
damaged 'provenance.json: is ' sed -i 's/ISIC_9000001/ISIC_9000099/' provenance.json
grep -q '"instructions": "base"' "$work/run/provenance.json" || {
  rm -rf "$work/again" && cp -r "$work/run" "$work/again"
  out=$(MEDUSA_SIMD=base "$BIN/train" --out "$work/again" --resume 2>&1)
  [[ $out == *"this is base: the last bits will differ (MEDUSA_SIMD="* ]] && ok "another instruction set is named" || bad "another instruction set: $out"
}
rm -rf "$work/again" && cp -r "$work/run" "$work/again" && rm "$work/again/provenance.json"
out=$("$BIN/evaluate" --run "$work/again" 2>&1 >"$work/log")
judge "evaluate a run without a record" $? 0 'has no provenance.json, an older version made it' "$out"
cmp -s "$work/log" <("$BIN/evaluate" --run "$work/run") && ok "the same figures" || bad "other figures without the record"

val=$(sed -n '/"val"/,/]/s/.*"\(ISIC_[0-9]*\)".*/\1/p' "$work/run/provenance.json" | head -n 1)
train=$(sed -n '/"train"/,/]/s/.*"\(ISIC_[0-9]*\)".*/\1/p' "$work/run/provenance.json" | head -n 1)
cp -r "$work/data" "$work/lost" && sed -i "/$val/d" "$work/lost/$table"
evaluated 2 "samples that the run has for val are not there: $val; --split all judges those that are" --run "$work/run" --data "$work/lost"
evaluated 0 "run was trained on $(grep -c ISIC <(sed -n '/"train"/,/]/p' "$work/run/provenance.json"))" --run "$work/run" --data "$work/lost" --split all
cp -r "$work/data" "$work/more"
grep "$train" "$work/more/$table" | sed "s/$train/ISIC_9999999/; s/^HAM_[0-9]*/HAM_9999999/" >>"$work/more/$table"
cp "$(find "$work/more" -name "$train.jpg")" "$work/more/HAM10000_images_part_1/ISIC_9999999.jpg"
cp "$work/more/$masks/${train}_segmentation.png" "$work/more/$masks/ISIC_9999999_segmentation.png"
out=$("$BIN/evaluate" --run "$work/run" --data "$work/more" 2>&1 >"$work/log")
judge "evaluate with a sample more" $? 0 'are not the run'"'"'s and are left out: ISIC_9999999' "$out"
cmp -s "$work/log" <("$BIN/evaluate" --run "$work/run") && ok "the run's own samples are judged" || bad "other samples are judged: $(cat "$work/log")"
"$BIN/evaluate" --run "$work/run" >/dev/full 2>"$work/log"
judge "evaluate to a full disk" $? 1 'No space left on device' "$(cat "$work/log")"

# ---- Ctrl-C: saves and says how to go on; no success, or `train ... && evaluate ...` would judge a half-trained run
# (A shell starts what it runs in the background with SIGINT ignored.)
for signal in INT TERM HUP; do
  rm -rf "$work/stopped"
  env --default-signal=INT,HUP "$BIN/train" --out "$work/stopped" "${run[@]}" --epochs 1000000 --schedule constant --save-every 0.001 >"$work/log" 2>&1 &
  pid=$!
  await "$work/stopped/last.safetensors" $pid
  kill -$signal $pid
  wait $pid
  judge "SIG$signal" $? 3 "To go on: train --out '$work/stopped' --resume" "$(tail -1 "$work/log")"
  complete "$work/stopped"
  step=$(sed -n 's/.*saved after step \([0-9]*\).*/\1/p' "$work/log")
  epochs=$((step / 4 + 2))
  out=$("$BIN/train" --out "$work/stopped" --resume --epochs $epochs 2>&1)
  judge "going on after SIG$signal" $? 0 "epoch $epochs/$epochs" "$out"
done

# ---- signals that are ignored at the start, a folder at work, standard streams that are full, closed or left by their reader
endless=("${run[@]}" --epochs 1000000 --schedule constant --save-every 0.001)
rm -rf "$work/stopped"
env --ignore-signal=INT,HUP "$BIN/train" --out "$work/stopped" "${endless[@]}" >"$work/log" 2>&1 &
pid=$!
await "$work/stopped/last.safetensors" $pid
kill -HUP $pid
kill -INT $pid
out=$("$BIN/train" --out "$work/stopped" --resume 2>&1)
judge "train in a folder at work" $? 2 "$work/stopped: another program is working in this folder (process $pid, train)" "$out"
kill -0 $pid && ok "ignored signals stay ignored" || bad "SIGHUP or SIGINT, ignored at the start, ended train"
kill $pid
wait $pid
judge "then SIGTERM" $? 3 "To go on: train" "$(tail -1 "$work/log")"

# goes_on NAME TEXT: the last training said TEXT alone on stderr, status 1, and goes on to the end
goes_on() {
  judge "$1" "$status" 1 "$2" "$(cat "$work/log")"
  complete "$work/streams"
  "$BIN/train" --out "$work/streams" --resume >/dev/null 2>"$work/log" || bad "$1: resume: $(cat "$work/log")"
  cmp -s "$work/streams/best.safetensors" "$work/run/best.safetensors" && ok "$1, then to the end: the same bits" || bad "$1: other bits"
  rm -rf "$work/streams"
}
"$BIN/train" --out "$work/streams" "${run[@]}" >/dev/full 2>"$work/log"
status=$? && goes_on "stdout full" "standard output: cannot be written: No space left on device; saved after step"
{ "$BIN/train" --out "$work/streams" "${run[@]}" 2>"$work/log"; echo $? >"$work/status"; } | head -n 1 >/dev/null
status=$(cat "$work/status")
[ "$status" = 0 ] && rm -rf "$work/streams" || goes_on "a reader that leaves" "standard output: cannot be written: Broken pipe; saved after step"
"$BIN/train" --out "$work/streams" "${run[@]}" >&- 2>&- <&-
[ $? = 0 ] && cmp -s "$work/streams/best.safetensors" "$work/run/best.safetensors" && ok "streams closed: the same bits" || bad "streams closed"
rm -rf "$work/streams"
"$BIN/train" --out "$work/streams" "${run[@]}" >/dev/full 2>/dev/full
[ $? = 1 ] && ok "both streams full: status 1" || bad "both streams full"
rm -rf "$work/streams"
(ulimit -f 4; "$BIN/train" --out "$work/streams" "${run[@]}" >/dev/null 2>"$work/log")
judge "a file size limit" $? 1 "cannot be written: File too large" "$(cat "$work/log")"
complete "$work/streams"
rm -rf "$work/streams"

# ---- a full disk: one line, no half-written file, and the last whole checkpoint is still good
limited=$(trap '' XFSZ; ulimit -f 8; "$BIN/train" --out "$work/limited" "${run[@]}" 2>&1 >/dev/null)
judge "files of 8 KiB at most" $? 1 'safetensors: cannot be written: File too large' "$limited"
complete "$work/limited"
full_disk() {  # FOLDER BYTES
  mount -t tmpfs -o "size=$2" none "$1" || return 99
  "$BIN/train" --out "$1/run" "${run[@]}" 2>&1 >/dev/null
  echo "status $?"
  find "$1" -name '*.tmp'
  mount -o remount,size=16m "$1"
  "$BIN/train" --out "$1/run" --resume >/dev/null 2>&1 || echo "cannot go on"
  cmp "$1/run/best.safetensors" "$work/run/best.safetensors"
  cmp "$1/run/last.safetensors" "$work/run/last.safetensors"
}
mkdir "$work/disk"
if unshare -rm mount -t tmpfs -o size=64k none "$work/disk" 2>/dev/null; then
  # Room for a best and a last checkpoint, but not for the temporary file of the next.
  bytes=$(cat "$work/run/best.safetensors" "$work/run/last.safetensors" | wc -c)
  export BIN work
  out=$(unshare -rm bash -c "$(declare -p run); $(declare -f full_disk); full_disk '$work/disk' $((bytes + 32768))")
  [[ $out == *'.safetensors: cannot be written: No space left on device'*$'\n''status 1' ]] \
    && [ "$(printf '%s\n' "$out" | wc -l)" = 2 ] && ok "a full disk, then room again: the same bytes" || bad "full disk: $out"
else
  echo "skipped: a full disk (no user namespaces here)"
fi

# ---- killed twice (the long form: tests/kill_resume.sh by itself)
KILLS=2 ARCHS=hps bash "$(dirname "$0")/kill_resume.sh" || failed=1
exit $failed
