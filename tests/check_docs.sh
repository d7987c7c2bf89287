#!/bin/bash
# What the documentation promises must be there.  tests/check_docs.sh [FOLDER] looks at the repository FOLDER (default:
# here).  One line per finding.  For every README.md, in text `in backquotes` and in indented or fenced code:
#   * links and file names lead to files;
#   * `make X` is a target of the Makefile;
#   * build/bin/NAME is a program, and has the options that it is shown with (where it has been built);
#   * no two commands write (--out) into the same place: who reads on would be refused, or train on the chapter before;
#   * patterns of test cases (-tc=) match a case.
# Besides: every folder has a README.md, comments in the sources name files that exist, and every function of
# autograd/ops.h has its formula above its definition.
set -u -o pipefail
set -f  # words with stars are not file names
cd "${1:-$(dirname "$0")/..}" || exit 1

bad=0
finding() {
  echo "$1"
  bad=1
}

folders=$(git ls-files | grep -E '^[^.][^/]*/' | cut -d/ -f1 | sort -u)
any_folder=$(tr '\n' '|' <<<"$folders")
any_folder=${any_folder%|}
programs=$(git ls-files 'tools/*.cpp' | sed -n 's|^tools/\([a-z0-9_]*\)\.cpp$|\1|p')
targets=$(sed -n 's/^\([a-z][a-z0-9_-]*\):.*/\1/p' Makefile)
readmes=$(git ls-files --cached --others --exclude-standard '*README.md' 'README.md' | sort -u)

cases=$(git ls-files 'tests/*.cpp' | xargs -r cat | tr '\n' ' ' | grep -oE 'TEST_CASE\( *"([^"\]|\\.)*"' |
  sed 's/^[^"]*"//; s/"$//; s/\\\(.\)/\1/g')

# exists NAME FOLDER: NAME, which may hold stars, is a file below here or below FOLDER.
exists() {
  compgen -G "$1" >/dev/null || compgen -G "$2/$1" >/dev/null
}
# listed WORD LIST: WORD is a line of LIST
listed() {
  [[ $'\n'$2$'\n' == *$'\n'"$1"$'\n'* ]]
}

# pieces FILE: every piece of code as "line<tab>code": spans in backquotes (also over a line's end), indented and
# fenced lines.  A backslash at a line's end joins the next.
pieces() {
  awk '
    function emit(text) {
      if (joined != "") text = joined " " text
      joined = ""
      if (text ~ /\\$/) { joined = substr(text, 1, length(text) - 1); return }
      print NR "\t" text
    }
    /^ *```/ { fenced = !fenced; next }
    fenced { emit($0); next }
    /^ *$/ { span = 0; blank = 1; next }
    /^    / && blank { emit($0); next }
    {
      blank = 0
      n = split($0, part, "`")
      for (i = 1; i <= n; ++i) {
        if (span) text = text (text == "" ? "" : " ") part[i]
        if (i == n) break
        if (span) emit(text)
        span = !span
        text = ""
      }
    }' "$1"
}

declare -A help=()
# has_option WHERE PROGRAM SUBCOMMAND OPTION
has_option() {
  local program=$2 command="$2 $3"
  [ -x "build/bin/$program" ] || return 0
  [ -n "${help[$program ]:-}" ] || help[$program ]=$("build/bin/$program" --help 2>&1)
  if [ -n "$3" ] && [ -z "${help[$command]:-}" ]; then
    # Only what the program lists as a subcommand is one; else it is an argument.
    if grep -qE "^ +$3( |$)" <<<"${help[$program ]}"; then
      help[$command]=$("build/bin/$program" "$3" --help 2>&1)
    else
      command="$program "
    fi
  fi
  grep -qE -- "(^|[^-a-z])$4([^-a-z]|$)" <<<"${help[$command]}" || finding "$1: ${command% } has no option $4"
}

declare -A written=()
# check_out WHERE WORDS...: nobody else writes to the --out of this command.  A name in capitals stands for any, and
# --resume goes on in a folder that is there.
check_out() {
  local where=$1 words=" $* " place
  [[ $words =~ ' --out '([^ ]+) && $words != *' --resume '* ]] || return
  place=${BASH_REMATCH[1]%/}
  [[ $place =~ [a-z] ]] || return
  [ -z "${written[$place]:-}" ] || finding "$where: --out $place: ${written[$place]} writes there already"
  written[$place]=$where
}

# check_program WHERE NAME WORDS...: a call of build/bin/NAME
check_program() {
  local where=$1 name=$2 word sub=""
  shift 2
  case $name in
    tests | device_tests | sim_bugs) ;;
    replay_* | fuzz_*) exists "tests/fuzz/${name#*_}_fuzz.cpp" . || finding "$where: $name: there is no such fuzz target" ;;
    *) listed "$name" "$programs" || { finding "$where: build/bin/$name: there is no such program"; return; } ;;
  esac
  [[ ${1:-} =~ ^[a-z]+$ ]] && sub=$1
  for word in "$@"; do
    [[ $word =~ ^(--[a-z][a-z-]*) ]] && has_option "$where" "$name" "$sub" "${BASH_REMATCH[1]}"
  done
  check_out "$where" "$@"
}

# check_command WHERE COMMAND: make and the programs
check_command() {
  local where=$1 words i
  read -ra words <<<"$2"
  for i in "${!words[@]}"; do
    [[ ${words[i]} =~ ^[A-Z_]+= || ${words[i]} = [\$\!] ]] || break
  done
  [ ${#words[@]} != 0 ] || return
  if [ "${words[i]}" = make ]; then
    for word in "${words[@]:i+1}"; do
      [[ $word =~ ^[a-z][a-z0-9_-]*$ ]] || continue
      listed "$word" "$targets" || finding "$where: make $word: the Makefile has no such target"
    done
  fi
  for i in "${!words[@]}"; do
    if [[ ${words[i]} =~ ^\'?build/([a-z]+/)?bin/([a-z0-9_]+) ]] || { [ "$i" = 0 ] && listed "${words[i]}" "$programs" &&
      [[ ${words[i]} =~ ()(.*) ]]; }; then
      check_program "$where" "${BASH_REMATCH[2]}" "${words[@]:i+1}"
    fi
  done
}

# check_patterns WHERE CODE: every -tc='PATTERN,PATTERN' finds test cases, as doctest does: * and ?, any capitals
check_patterns() {
  local list pattern patterns regex
  while read -r list; do
    list=${list#*=}
    IFS=, read -ra patterns <<<"${list//\'/}"
    for pattern in "${patterns[@]}"; do
      regex=$(sed 's/[][\.^$+(){}|]/\\&/g; s/?/./g; s/\*/.*/g' <<<"$pattern")
      grep -qixE -- "$regex" <<<"$cases" || finding "$1: $pattern: no test case has such a name"
    done
  done < <(grep -oE -- "(-tce?|--test-case(-exclude)?)=('[^']*'|[^' ]+)" <<<"$2")
}

# check_paths WHERE TEXT FOLDER: whatever starts with one of the folders, or ends like a source file, must exist
check_paths() {
  local word
  for word in ${2//[^A-Za-z0-9_.\/*<>-]/ }; do
    word=${word%%[.]}
    [[ $word != *[\<\>]* && $word != /* ]] || continue  # a place holder; the reader's own file
    if [[ $word =~ ^($any_folder)/ || $word =~ ^[A-Za-z0-9_./*-]+\.(h|cpp|inc|cu|cuh|sh|md)$ ]]; then
      exists "$word" "$3" || finding "$1: $word: there is no such file"
    fi
  done
}

check_readme() {
  local file=$1 folder line code target part
  folder=$(dirname "$file")
  while IFS=: read -r line target; do
    target=${target#*](}
    target=${target%)}
    case $target in
      http:* | https:* | mailto:* | '#'*) continue ;;
    esac
    [ -e "$folder/${target%%#*}" ] || finding "$file:$line: link to $target leads nowhere"
  done < <(grep -noE '\]\([^) ]+\)' "$file")
  while IFS=$'\t' read -r line code; do
    code=${code%% #*}
    check_paths "$file:$line" "$code" "$folder"
    check_patterns "$file:$line" "$code"
    code=${code//&&/;}
    code=${code//|/;}
    while read -r -d ';' part; do
      check_command "$file:$line" "$part"
    done <<<"$code;"
  done < <(pieces "$file")
  while IFS=: read -r line target; do
    finding "$file:$line: \"$target\" means nothing outside one workplace"
  done < <(grep -noiE '/work/|/home/|\.\./shared|issue #' "$file")
}

listed README.md "$readmes" || finding "README.md: is missing"
for folder in $folders; do
  listed "$folder/README.md" "$readmes" || finding "$folder/README.md: is missing"
done
for file in $readmes; do check_readme "$file"; done

# Comments: whole paths only, since a bare name may be of any kind.
while IFS=: read -r file line path; do
  exists "$path" . || finding "$file:$line: $path: there is no such file"
done < <(git ls-files '*.h' '*.cpp' '*.inc' '*.sh' Makefile CMakeLists.txt | xargs grep -noE "(^|[ (\`])(//|#) .*" |
  grep -oE "^[^:]+:[0-9]+:|\b($any_folder)/[a-z0-9_/]+\.(h|cpp|inc|cu|cuh|sh|md)\b" |
  awk '/:$/ { where = $0; next } { print where $0 }')

# A function that makes a node of the graph has its formula above it; others hand their work to one that does.
if [ -e autograd/ops.h ]; then
  for name in $(sed -n 's/^Var \([a-z0-9_]*\)(.*/\1/p' autograd/ops.h | sort -u); do
    while read -r line; do finding "$line"; done < <(git ls-files 'autograd/*.cpp' | xargs awk -v name="$name" '
      index($0, "Var " name "(") == 1 { found = 1; where = FILENAME ":" FNR; bare = before !~ /^\/\//; inside = 1 }
      inside && /Var::result/ && bare { print where ": " name " has no formula above it"; inside = 0 }
      /^}|}$/ { inside = 0 }
      { before = $0 }
      END { if (!found) print "autograd/ops.h: " name " is defined nowhere" }')
  done
fi
exit $bad
