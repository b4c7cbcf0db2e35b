#!/bin/sh
# agenthost_add_plugin() rejects a function that nobody defines, and links plugins that clang compiles with a sanitizer, wherever its
# flags come from: undefined_functions.sh BUILD_TREE TEMPLATE_DIR
set -eu
build=$1 template=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --component sdk --prefix "$work/prefix" >"$work/install.log"
mkdir "$work/plugin"
cp "$template/manifest.json" "$work/plugin"
echo 'void nowhere(void); void entry(void); void entry(void) { nowhere(); }' >"$work/plugin/undefined.c"
# Nothing that needs the SDK: the compiler must only have something to instrument.
echo 'int entry(int* at); int entry(int* at) { return at[1]; }' >"$work/plugin/complete.c"

# case NAME SOURCE COMPILER EXTRA_CMAKE [CONFIGURE_OPTIONS...]: links the plugin; the log is $work/NAME/log
links() {
    name=$1 source=$2 compiler=$3 extra=$4
    shift 4
    cat >"$work/plugin/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(trial C)
find_package(agenthost REQUIRED)
add_library(helper STATIC complete.c)
set_target_properties(helper PROPERTIES POSITION_INDEPENDENT_CODE ON)
agenthost_add_plugin(echo $source LIBS helper)
$extra
END
    mkdir "$work/$name"
    cmake -S "$work/plugin" -B "$work/$name" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_COMPILER="$compiler" \
        -DCMAKE_BUILD_TYPE=Debug "$@" >"$work/$name/log" 2>&1 || { cat "$work/$name/log"; echo "$name: cmake failed"; exit 1; }
    cmake --build "$work/$name" >>"$work/$name/log" 2>&1
}
must_link() {
    links "$@" || { cat "$work/$1/log"; echo "$1: does not link"; exit 1; }
}
must_not_link() {
    if links "$@"; then echo "$1: links although a function is undefined"; exit 1; fi
    grep -q 'undefined.*nowhere' "$work/$1/log" || { cat "$work/$1/log"; echo "$1: failed for another reason"; exit 1; }
}

must_not_link plain undefined.c cc ''
if command -v clang >/dev/null 2>&1; then
    must_not_link clang_plain undefined.c clang ''
    must_link clang_flags complete.c clang '' -DCMAKE_C_FLAGS=-fsanitize=address
    must_link clang_target complete.c clang 'target_compile_options(echo_plugin PRIVATE -fsanitize=address)'
    must_link clang_language complete.c clang 'target_compile_options(echo_plugin PRIVATE $<$<COMPILE_LANGUAGE:C>:-fsanitize=address>)'
    must_link clang_source complete.c clang 'set_source_files_properties(complete.c PROPERTIES COMPILE_OPTIONS -fsanitize=address)'
    must_link clang_library complete.c clang 'target_compile_options(helper INTERFACE -fsanitize=address)'
fi
echo "undefined functions are rejected, sanitizers are not"
