# What on_quota_kernel and on_usb_kernel have in common: a kernel of its own that sees this machine's files read-only, and runs one test program.
# Sourced, outside and inside.

# What the kernel's command line must hold: guest_words HERE PROGRAM [FILTER]
guest_words() { printf 'agenthost_dir=%s agenthost_program=%s agenthost_filter=%s' "$1" "$2" "${3:-*}"; }
guest_word() { sed -n "s/.* agenthost_$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

# The file systems that programs need. /tmp, /run and /var/lib are the guest's own.
guest_files() {
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
    mount -t proc proc /proc; mount -t sysfs sys /sys
    for folder in /tmp /run /var/lib; do mount -t tmpfs tmpfs $folder; done
    mount -t devtmpfs dev /dev 2>/dev/null || true
    mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm
    busybox ip link set lo up
}

# Runs the test program, and powers off.
guest_run() {
    cd "$(guest_word dir)"
    if "build/release/tests/$(guest_word program)" --gtest_filter="$(guest_word filter)" --gtest_color=no; then echo GUEST_PASSED; fi
    busybox poweroff -f
}

# Shows the guest's output as it comes, and succeeds if the test program has.
guest_verdict() {
    passed=1 cr=$(printf '\r')
    while IFS= read -r line; do
        line=${line%"$cr"}
        printf '%s\n' "$line"
        if [ "$line" = GUEST_PASSED ]; then passed=0; fi
    done
    return $passed
}
