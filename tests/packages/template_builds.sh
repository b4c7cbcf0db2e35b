#!/bin/sh
# The SDK installed alone is enough to build, test and install a plugin: template_builds.sh BUILD_TREE TEMPLATE_DIR
set -eu
build=$1 template=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --component sdk --prefix "$work/prefix" >"$work/install.log"
cp -r "$template" "$work/echo"
cmake -S "$work/echo" -B "$work/out" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Werror" >"$work/configure.log"
cmake --build "$work/out"
ctest --test-dir "$work/out" --output-on-failure
cmake --install "$work/out" --prefix "$work/installed"
library=$(find "$work/installed" -path '*/agenthost/plugins-1/echo.so')
manifest=$(find "$work/installed" -path '*/agenthost/plugins-1/echo.manifest.json')
test -n "$library"
cmp "$manifest" "$template/manifest.json"
symbols=$(nm -D --defined-only "$library" | awk '{print $3}')
test "$symbols" = agh_plugin_entry_v1 || { echo "exports more or less than its entry: $symbols"; exit 1; }

# "Without CMake" in sdk/GUIDE.md
cd "$template"
{ echo 'extern "C" { extern const unsigned char agenthost_manifest_data[]; const unsigned char agenthost_manifest_data[] = {'
  od -An -v -tx1 manifest.json | sed 's/ \(..\)/0x\1,/g'
  echo '}; }'; } >"$work/manifest.cpp"
"${CXX:-c++}" -std=c++20 -O0 -fPIC -shared -fvisibility=hidden -DAGENTHOST_MANIFEST_SIZE=$(stat -c %s manifest.json) \
    -I"$work/prefix/include" echo.cpp "$work/manifest.cpp" -o "$work/echo.so"
symbols=$(nm -D --defined-only "$work/echo.so" | awk '$2 != "W" && $2 != "V" && $2 != "u" {print $3}')
test "$symbols" = agh_plugin_entry_v1 || { echo "built by hand it exports more or less than its entry: $symbols"; exit 1; }
"$work"/out/echo_test "$work/echo.so"
echo "the template builds, passes its test and installs with nothing but the SDK"
