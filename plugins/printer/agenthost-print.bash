# bash completion for `agenthost print`; installed as completions/agenthost-print, called by that of agenthost with its words
_agenthost_verb_print()
{
    local i verb='' choices='' values=' --control -o --output --width --page --charset '
    for ((i = 1; i < cword; i++)); do [[ ${words[i]} == print ]] && break; done
    for ((i++; i < cword; i++)); do
        case ${words[i]} in
            -*) [[ $values == *" ${words[i]} "* ]] && ((i++)) ;;
            *) [[ -z $verb ]] && verb=${words[i]} ;;
        esac
    done
    case $prev in
        --charset) choices="GB18030 SHIFT_JIS JIS BIG5 EUC-KR UTF-8" ;;
        --width) choices="384 512 576" ;;
        --page) return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        *)
            case $verb:$cur in
                render:-*) choices="--output --text --json --width --page --charset --kanji --no-cut-marks --help" ;;
                :-*) choices="--help" ;;
                list:-* | watch:-* | test:-* | cancel:-*) choices="--json --control --help" ;;
                queue:-*) choices="--all --json --control --help" ;;
                :*) choices="list test queue cancel watch render" ;;
                render:*) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            esac ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
}
