#!/bin/sh
# What `agenthost config check` accepts, `agenthost run` accepts: the plugins judge their own configuration. config_check.sh BUILD_TREE
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
echo x >"$work/short"
chmod 600 "$work/short"

# check TEXT: the file on standard input is refused, and TEXT says why.
check() {
    cat >"$work/agenthost.yaml"
    if "$build/bin/agenthost" config check -c "$work/agenthost.yaml" -o agent.state_dir="$work/state" >"$work/out" 2>&1; then
        echo "accepted, though it cannot run: $1"
        failed=1
    elif ! grep -qF "$1" "$work/out"; then
        echo "does not say \"$1\":"
        cat "$work/out"
        failed=1
    fi
}

check 'agenthost.yaml:1:45: plugins.storage.config.quota: "lots" is not a size' <<'TXT'
plugins: {storage: {enabled: true, config: {quota: lots}}}
TXT
check 'plugins.storage.config.tls_ca:' <<'TXT'
plugins: {storage: {enabled: true, config: {tls_ca: none.pem}}}
TXT
check 'plugins.terminal.config.run_as:' <<'TXT'
plugins: {terminal: {enabled: true, config: {run_as: no-such-user-here}}}
TXT
check 'plugins.hub.config.admin_token:' <<'TXT'
listeners: [{name: hub, bind: "127.0.0.1:3001"}]
plugins: {hub: {enabled: true, config: {admin_token: {file: none}}}}
TXT
check 'there is no listener "web"' <<'TXT'
listeners: [{name: hub, bind: "127.0.0.1:3001"}]
plugins: {hub: {enabled: true, config: {listener: web}}}
TXT
check 'plugins.telemetry.config.disk:' <<'TXT'
plugins: {telemetry: {enabled: true, isolation: process, config: {disk: /no/such/folder}}}
TXT
check 'did you mean "storage.*"?' <<'TXT'
servers: [{name: a, protocol: storage, url: "wss://h/", credential: {env: X}, allow: ["storge.*"]}]
TXT

# warn TEXT: the file on standard input is accepted with a warning that says TEXT.
warn() {
    cat >"$work/agenthost.yaml"
    if ! "$build/bin/agenthost" config check -c "$work/agenthost.yaml" -o agent.state_dir="$work/state" >"$work/out" 2>&1 ||
        ! grep -qF "warning: $work/agenthost.yaml:$1" "$work/out"; then
        echo "is not accepted with a warning of \"$1\":"
        cat "$work/out"
        failed=1
    fi
}

warn '1:66: plugins.storage.config.reserve_free: 1MiB is below 16MiB' <<'TXT'
plugins: {storage: {enabled: true, config: {storage_path: files, reserve_free: 1MiB}}}
TXT
check 'short: shorter than 8 characters' <<'TXT'
listeners: [{name: hub, bind: "127.0.0.1:3001"}]
plugins: {hub: {enabled: true, config: {admin_token: {file: short}}}}
TXT
check 'plugins.hub.config.database: /no/such/folder is not a folder' <<'TXT'
listeners: [{name: hub, bind: "127.0.0.1:3001"}]
plugins: {hub: {enabled: true, config: {database: /no/such/folder/hub.db}}}
TXT

echo "plugins: {storage: {enabled: true, config: {storage_path: files}}, telemetry: {enabled: true}, terminal: {enabled: true, config: {run_as: $(id -un)}}}" >"$work/agenthost.yaml"
"$build/bin/agenthost" config check -c "$work/agenthost.yaml" -o agent.state_dir="$work/state" >"$work/out" 2>&1 || { cat "$work/out"; failed=1; }
[ ! -e "$work/files" ] && [ ! -e "$work/state" ] || { echo "the check left something behind"; failed=1; }
exit $failed
