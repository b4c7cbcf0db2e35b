# bash completion for agenthost; installed as /usr/share/bash-completion/completions/agenthost
_agenthost_globals()
{
    # -c, -o and --control-socket as they were typed, so that names come from the right configuration and daemon.
    local i
    globals=()
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
            -c | --config | -o | --control-socket)
                [[ -n ${words[i + 1]-} ]] && globals+=("${words[i]}" "${words[i + 1]}")
                ((i++)) ;;
        esac
    done
}

_agenthost_list() # JSON field "id" or "name" of an answer
{
    command agenthost "${globals[@]}" --json "${@:2}" 2>/dev/null | grep -oE "\"$1\": ?\"[^\"]*\"" | sed -E 's/.*: ?"(.*)"/\1/'
}

_agenthost_foreign() # a plugin's verb completes itself: _agenthost_verb_VERB, in completions/agenthost-VERB
{
    local own=_agenthost_verb_${1//-/_}
    declare -F "$own" >/dev/null || { declare -F _completion_loader >/dev/null && _completion_loader "agenthost-$1"; }
    declare -F "$own" >/dev/null && "$own"
}

_agenthost()
{
    local cur prev words cword globals i verb='' sub=''
    if declare -F _init_completion >/dev/null; then
        _init_completion -n : || return
    else
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    fi
    _agenthost_globals
    case $prev in
        -c | --config | --control-socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        -o)
            mapfile -t COMPREPLY < <(compgen -S = -W "agent.id agent.state_dir agent.plugin_path agent.io_threads log.level log.format
                control.socket metrics.bind journal.keep journal.rows limits.in_flight limits.message_bytes" -- "$cur")
            compopt -o nospace
            return ;;
        --timeout)
            mapfile -t COMPREPLY < <(compgen -W "5s 30s 5m 1h" -- "$cur")
            return ;;
        --id) return ;;
    esac
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
            -c | --config | -o | --control-socket | --timeout | --id) ((i++)) ;;
            -*) ;;
            *) if [[ -z $verb ]]; then verb=${words[i]}; elif [[ -z $sub ]]; then sub=${words[i]}; fi ;;
        esac
    done
    local choices=''
    case $verb in
        '' | run | config | plugin | status | call | reload | health | doctor | reconnect | register | version) ;;
        *) _agenthost_foreign "$verb" && return ;;
    esac
    if [[ $cur == -* ]]; then
        choices="--config --control-socket --json --help"
        [[ -z $verb ]] && choices+=" --version"
        [[ $verb == call ]] && choices+=" --timeout --id --quiet"
        [[ $verb == doctor ]] && choices+=" --timeout"
        [[ $verb:$sub == config:import ]] && choices+=" --name --add --replace"
    else
        case $verb:$sub in
            :) choices="run config plugin status call reload health doctor reconnect register version
                $(command agenthost "${globals[@]}" --help 2>/dev/null | sed -n '/^Verbs of plugins/,/^$/s/^  //p')" ;;
            config:) choices="check show schema import" ;;
            plugin:) choices="list info check" ;;
            plugin:info | plugin:check) choices=$(_agenthost_list id plugin list) ;;
            reconnect: | register:) choices=$(_agenthost_list name status) ;;
            call:) choices="host.ping host.status host.actions $(
                for id in $(_agenthost_list id plugin list); do _agenthost_list name plugin info "$id"; done)" ;;
            call:*)
                if [[ $cur == @* ]]; then
                    compopt -o filenames
                    mapfile -t COMPREPLY < <(compgen -P @ -f -- "${cur#@}")
                fi
                return ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
}
complete -F _agenthost agenthost
