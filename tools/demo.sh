#!/bin/bash
# tools/demo.sh: `make demo`.  Makes phantoms whose tasks help each other, compares the four architectures on them, shows
# what they learned.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=build/bin
demo=build/demo
rm -rf "$demo"

cat <<TEXT
== 1. Pictures
Made-up skin lesions with a dark rim. Two tasks: outline the lesion, and name its class (bcc, mel, nv or vasc). The class
shows only inside the rim; patches with the colours of other classes lie around it. A network that can outline the lesion
knows where to look for its class: the first task helps the second. Eighty pictures are for training, 48 for choosing the
best weights, the rest for the test.
TEXT
"$bin/phantom" --setting shared --count 400 --seed 1 --size 96x128 --out "$demo/lesions"
"$bin/phantom" --setting shared --count 12 --seed 2 --size 240x320 --out "$demo/new-lesions" >/dev/null
mkdir "$demo/new"
find "$demo/new-lesions" -name '*.jpg' -exec cp {} "$demo/new" ';'

cat <<TEXT

== 2. Four architectures, two seeds each
stl   a network of its own for each task
hps   one encoder for both tasks
mtan  one encoder, through which each task looks with masks of its own
ctan  one encoder, through which each task looks with the OTHER task's masks
TEXT
"$bin/compare" --archs stl,hps,mtan,ctan --seeds 0,1 --data "$demo/lesions" --size 48x64 --widths 8,16,32,64 --batch 8 \
  --epochs 26 --lr 6e-3 --balancing fixed --task-weights 3,1 --val-fraction 0.12 --test-fraction 0.68 --ctan-qk-norm --out "$demo/comparison" |
  grep --line-buffered -v '^The same in'
runs=$demo/comparison

echo "== 3. What they say about twelve new pictures, and where they look"
"$bin/predict" --run "$runs/ctan-0" --input "$demo/new" --out "$demo/predictions"
picture=$(find "$demo/new" -name '*.jpg' | sort | sed -n 4p)
"$bin/inspect" --run "$runs/ctan-0" --input "$picture" --data "$demo/new-lesions" --attention "$demo/attention" >/dev/null
"$bin/plot" --run "$runs/stl-0" --run "$runs/hps-0" --run "$runs/mtan-0" --run "$runs/ctan-0" --out "$demo/curves.svg"
sheet=$(find "$demo/attention" -name '*_attention.png')

cat <<TEXT

Look at
  $demo/predictions/overview.png
      outlines that ctan draws on pictures it has never seen; $demo/predictions/diagnosis.csv has the classes
  $sheet
      where ctan looks: through "Masks of lesion" the diagnosis sees, and its loss trains them. Look for the level
      where it is bright on the lesion and dark on the patches; "where diagnosis looks when lesion asks" is the lesion
  $runs/table.html
      the table above with a chart (open it in a browser): bars are means, dots single runs
  $demo/curves.svg
      how each of them learned (browser): losses, metrics, and how the two tasks' gradients go together

How to read the table: against stl (a network for each task) hps and ctan should name the lesion better, and outline it
a little worse: the diagnosis is told where to look, the outline has to share. mtan may do neither. Two seeds are few: where ± is
as large as the difference, run more. tools/README.md explains compare, mtl/README.md what the architectures share,
datasets/README.md how the pictures are made and what was seen with three seeds.
TEXT
