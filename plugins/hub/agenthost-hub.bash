# bash completion for `agenthost hub`; installed as completions/agenthost-hub, called by that of agenthost with its words
_agenthost_verb_hub()
{
    local i noun='' more=0 choices='' values=' --cwd --env -e --run-as --timeout --priority --command -c --protocol --role --agents --expires --control '
    values+='--agent --status --name --image --memory --cpu --disk --startup --file --signal --port -p --tail --printer --charset --key --outcome '
    for ((i = 1; i < cword; i++)); do [[ ${words[i]} == hub ]] && break; done
    for ((i++; i < cword; i++)); do
        case ${words[i]} in
            --) return ;; # the command's own words
            -*) [[ $values == *" ${words[i]} "* ]] && ((i++)) ;;
            *) if [[ -z $noun ]]; then noun=${words[i]}; else ((more++)); fi ;;
        esac
    done
    case $prev in
        --priority) choices="low normal high urgent" ;;
        --protocol) choices="storage panel print dashboard signed" ;;
        --role) choices="dashboard admin" ;;
        --timeout) choices="30s 5m 1h" ;;
        --outcome) choices="printed sent failed unknown" ;;
        --status)
            if [[ $noun == print ]]; then
                choices="open success error failed"
            else
                choices="installing install_failed offline starting running stopping crashed stuck"
            fi ;;
        --agent) choices=$(command agenthost "${globals[@]}" hub agent list 2>/dev/null | cut -f1) ;;
        --file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --cwd | --env | -e | --run-as | --command | -c | --agents | --expires | --control | --name | --image | --memory | --cpu | \
            --disk | --startup | --signal | --port | -p | --tail | --printer | --charset | --key) return ;;
        *)
            case $noun:$more:$cur in
                exec:*:-* | shell:*:-*)
                    choices="--cwd --env --run-as --timeout --priority --command --"
                    [[ $noun == exec ]] && choices+=" --input --no-input" ;;
                server:*:-*)
                    choices="--json --agent --status --name --image --file --port --env --memory --cpu --disk --startup --start --signal --timeout --follow
                        --tail --command" ;;
                print:*:-*)
                    choices="--json --printer --name --charset --raw --key --timeout --status --outcome --tail --file" ;;
                *:-*) choices="--json --help --control --protocol --rotate --role --agents --expires" ;;
                :*) choices="exec shell attach runs server print agent token" ;;
                print:0:*) choices="list file text tasks task reprint receipt" ;;
                server:0:*) choices="list status create start stop restart kill delete reinstall logs console files" ;;
                server:1:*)
                    if [[ $prev == files ]]; then
                        choices="ls get put rm mv cp mkdir chmod archive extract"
                    else
                        choices=$(command agenthost "${globals[@]}" hub server list 2>/dev/null | awk 'NR > 1 { print $2 }')
                    fi ;;
                print:1:*)
                    case $prev in
                        list | file | text | tasks)
                            choices=$(command agenthost "${globals[@]}" hub print list 2>/dev/null | awk 'NR > 1 { print $1 }' | uniq) ;;
                    esac ;;
                print:2:*) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
                agent:0:*) choices="add list revoke" ;;
                token:0:*) choices="new list revoke" ;;
                exec:0:* | shell:0:* | agent:1:*)
                    choices=$(command agenthost "${globals[@]}" hub agent list 2>/dev/null | cut -f1) ;;
                attach:0:*) choices=$(command agenthost "${globals[@]}" hub runs 2>/dev/null | cut -f1) ;;
            esac ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
}
