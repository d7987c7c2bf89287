# tests/package/packages.sh PACKAGE...: these Debian packages and all that they depend on, of those installed here, one a line.
dpkg-query -W -f '${Package}\t${Essential}\t${Pre-Depends}, ${Depends}\t${Provides}\n' | awk -F '\t' -v wanted="$*" '
  function names(text, into,   n, i, part) {  # "a (>= 1) | b, c:any" -> into[1..n]
    gsub(/\([^)]*\)|\[[^]]*\]|:[a-z0-9]+/, "", text)
    n = split(text, part, /[,| ]+/)
    for (i = 1; i <= n; ++i) into[i] = part[i]
    return n
  }
  {
    depends[$1] = $3
    n = names($4, provided)
    for (i = 1; i <= n; ++i) provider[provided[i]] = provider[provided[i]] " " $1
    if ($2 == "yes") wanted = wanted " " $1
  }
  END {
    count = split(wanted, queue, " ")
    for (head = 1; head <= count; ++head) {
      name = queue[head]
      if (!(name in depends)) {  # a virtual package, or one that is not installed
        n = split(provider[name], others, " ")
        for (i = 1; i <= n; ++i) queue[++count] = others[i]
        continue
      }
      if (seen[name]++) continue
      print name
      n = names(depends[name], needed)
      for (i = 1; i <= n; ++i) if (needed[i] != "") queue[++count] = needed[i]
    }
  }' | sort -u
