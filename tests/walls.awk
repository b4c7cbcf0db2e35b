# Reads ARCHITECTURE.md, then every source: an include that the folder's row does not name is printed.
function folder(file,  n, part) {
    n = split(file, part, "/")
    if (part[1] == "sdk" && part[2] == "wire" && n > 3) return "sdk/wire/" part[3]
    if (part[1] == "plugins" && (part[2] == "hub" || part[2] == "docker" || part[2] == "printer") && n > 3) return "plugins/" part[2] "/" part[3]
    if (n > 2) return part[1] "/" part[2]
    return part[1]
}
function allowed(from, to,  n, i, list) {
    if (from == to) return 1
    n = split(may[from], list, " ")
    for (i = 1; i <= n; ++i) {
        if (list[i] == to) return 1
        if (list[i] ~ /\/\*$/ && index(to, substr(list[i], 1, length(list[i]) - 1)) == 1) return 1
    }
    return 0
}
FILENAME ~ /ARCHITECTURE.md$/ {
    if ($0 ~ /^\| `/) {
        split($0, cell, "|")
        name = cell[2]; gsub(/[` ]/, "", name)
        list = cell[3]; gsub(/`/, "", list)
        known[name] = 1; may[name] = list
    }
    next
}
FNR == 1 { from = folder(FILENAME); if (!(from in known)) { print FILENAME ": the folder " from " has no row in ARCHITECTURE.md"; nextfile } }
/^ *# *include *"/ {
    split($0, part, "\"")
    to = part[2]
    if (to ~ /^(base|netclient|wire)\//) to = "sdk/" to
    else if (to ~ /^agenthost\//) next
    else if (to ~ /^\.\.?\//) { print FILENAME ":" FNR ": " to ": name it from the top folder"; next }
    else if (to !~ /^(host|plugins|sdk|tests)\//) next
    if (!allowed(from, folder(to))) print FILENAME ":" FNR ": " from " may not include " folder(to) " (" part[2] ")"
}
