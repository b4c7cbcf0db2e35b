#!/bin/sh
# ./dev installs the first alternative that apt can install, not the first name apt has heard of: needed_packages.sh SOURCE_TREE
# Debian 13 knows the name libboost1.81-dev only from other packages: `apt-cache show` succeeds there and the install fails.
set -eu
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"

cat >"$work/bin/dpkg-query" <<'TXT'
#!/bin/sh
exit 1
TXT
cat >"$work/bin/apt-cache" <<'TXT'
#!/bin/sh
case "$1 $2" in
"show libboost1.81-dev") echo "Package: libboost1.81-dev" ;;
"policy libboost1.81-dev") printf 'libboost1.81-dev:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n' ;;
show\ *) echo "Package: $2" ;;
policy\ *) printf '%s:\n  Installed: (none)\n  Candidate: 1.0-1\n  Version table:\n' "$2" ;;
esac
TXT
cat >"$work/bin/apt-get" <<TXT
#!/bin/sh
echo "\$*" >>"$work/apt-get.log"
TXT
printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/sudo"
chmod +x "$work"/bin/*

PATH="$work/bin:$PATH" "$source/dev" need build
installed=$(grep '^install' "$work/apt-get.log")
case " $installed " in
*" libboost1.81-dev "*) echo "asks apt for a package that it cannot install: $installed"; exit 1 ;;
*" libboost1.83-dev "*) echo "takes the alternative that apt can install" ;;
*) echo "no Boost at all: $installed"; exit 1 ;;
esac
