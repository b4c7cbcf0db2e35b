// agenthost hub ...: the hub's own verb. A small client of the running daemon's control socket; it knows the
// hub's actions and nothing else.
#include "daemon.hpp"
#include "verbs.hpp"

#include "base/visible.hpp"

#include <exception>
#include <iostream>

namespace {

constexpr const char* usage =
    R"(usage: agenthost hub exec AGENT [OPTIONS] -- CMD ARG...   run a command on an agent, as if it ran here
       agenthost hub exec AGENT [OPTIONS] --command STRING   the same, by the agent's shell
       agenthost hub shell AGENT [OPTIONS] [-- CMD ARG...]   open a terminal on the agent; Ctrl-] d detaches
       agenthost hub attach ID              reattach to a detached shell or command
       agenthost hub runs                   running and recently finished commands
       agenthost hub server list [--agent A] [--status S] [--name PART] [--image PART]   game servers of all agents
       agenthost hub server create [SERVER] --image IMAGE | --file FILE   create one on the least loaded agent, or --agent
       agenthost hub server status|start|stop|restart|kill|reinstall|delete SERVER
       agenthost hub server logs SERVER [-f] [--tail N]     the console's last lines; -f: and new ones. A terminal
                                            gets text and colours, a file or pipe every byte
       agenthost hub server console SERVER                  the same, and standard input is typed into it
       agenthost hub server files ls|get|put|rm|mv|cp|mkdir|chmod|archive|extract SERVER ...
       agenthost hub print list [SHOP]      printers of all shops, with their last test and error
       agenthost hub print file SHOP FILE   print a file (- for standard input): text in UTF-8, else the bytes as they are
       agenthost hub print text SHOP TEXT   print one line
       agenthost hub print tasks SHOP [--status S] [--outcome O] [--tail N]   the shop's tasks, the newest first
       agenthost hub print task TASK        show one task; --timeout: wait for its end
       agenthost hub print reprint TASK     print a copy, marked as such
       agenthost hub print receipt TASK [--file OUT.png]   what it looks like: its text, or a picture
       agenthost hub agent add ID [--protocol P] [--rotate]   create a credential for an agent (shown once)
       agenthost hub agent list             agents that have a credential
       agenthost hub agent revoke ID        revoke an agent's credential, close its session
       agenthost hub token new [LABEL]      create a bearer token for the REST API (shown once)
       agenthost hub token new [LABEL] --role ROLE   create a JWT: dashboard or admin (shown once)
       agenthost hub token list
       agenthost hub token revoke TOKEN_ID
commands: --cwd DIR           working directory on the agent; default: the user's home
         -e, --env NAME=VALUE environment variable (NAME: with its local value); the agent's policy limits them
         --run-as USER        user on the agent; the agent's policy limits it
         --timeout TIME       30s, 5m, 2h: terminates the command after this time
         --priority P         low, normal, high, urgent: priority in the agent's queue
         -i, --input          exec: send standard input even if it is a terminal
         -n, --no-input       exec: do not send standard input
servers: SERVER             its id, or AGENT/SERVER where several agents have one with this id
         --agent A           the agent
         --image, --startup, --name, --env NAME=VALUE, --port HOST:CONTAINER[/udp], --memory 2g, --cpu 1.5, --disk 5g
                             create: the configuration; --file FILE: an egg file or eggConfig in JSON, or - for
                             standard input. --start: and start it
         --timeout TIME, --signal S   stop, restart: kill after this time; the signal in place of the server's own way
         --wait TIME         create, start, stop, restart, kill, reinstall: wait this long for the result (5m; at most 1h)
         --no-wait           leave as soon as the agent has accepted it
         -c, --command LINE  console: type this line and leave
printing: --printer P         an alias or role, VENDOR:PRODUCT in hexadecimal, or IP:PORT; default: the shop's default printer
         --name N            the job's name; --charset C: of a text that is not UTF-8; --raw: never as text
         --key K             repeating the command with the same key prints once
         --timeout TIME      how long to wait for the end (default 60s; 0: do not wait)
         --status open|success|error|failed, --outcome printed|sent|failed|unknown   which tasks
credentials: --protocol P     the agent's protocol. storage, print, signed (default): a secret; panel: a JWT and a refresh token;
                             dashboard: a JWT
         --rotate            replace the agent's credential; a session with the old one ends
         --role ROLE         dashboard: sees and commands agents; admin: everything
         --agents A,B        the agents that a dashboard can see; default: all
         --expires TIME      10m, 24h, 30d: lifetime of a JWT (default: 30d; agents: panel 25h, dashboard 365d)
all:     --json              print the hub's answer as JSON; exec, shell, attach: the command's result, on standard error
         --control SOCKET    the daemon's control socket (default: $AGENTHOST_CONTROL, /run/agenthost/control.sock)
Ctrl-C interrupts the command of exec, a second Ctrl-C kills it, a third one exits. If exec is killed, its command is interrupted.
exit codes: 0 ok, 1 refused, failed or no daemon, 2 usage, 3 server ...: not done within --wait, and it goes on. print: 0 printed
or sent, 1 not printed, 3 unknown: it may be on paper, 124 not ended in time. exec, shell, attach: the command's exit code, 128+n if
signal n ended it;
124 timeout, 125 the command did not run or its result is unknown (agent unknown, offline or refusing; no daemon; usage; output
lost), 127 program not found on the agent
)";

// Describes the wrong or missing word of an invalid command.
std::string what_is_wrong(const agenthost::hub::cli::Arguments& args)
{
    const auto& w = args.words;
    if (w.empty()) return "a command is missing: exec, shell, attach, runs, server, print, agent or token";
    if (w[0] != "agent" && w[0] != "token")
        return "unknown command \"" + w[0] +
               "\"; known are exec, shell, attach, runs, server, print, agent and token";
    const std::string verbs =
        w[0] == "agent" ? "add ID, list or revoke ID" : "new [LABEL], list or revoke TOKEN_ID";
    if (w.size() == 1) return w[0] + " needs " + verbs;
    const bool known = w[1] == "list" || w[1] == "revoke" || w[1] == (w[0] == "agent" ? "add" : "new");
    if (!known) return "unknown command \"" + w[0] + " " + w[1] + "\"; there are " + w[0] + " " + verbs;
    if (w.size() == 2)
        return w[0] + " " + w[1] + " needs " + (w[0] == "agent" ? "an agent's ID" : "a TOKEN_ID");
    return "unexpected \"" + w.back() + "\" after " + w[0] + " " + w[1];
}

} // namespace

int main(int argc, char** argv)
{
    using namespace agenthost::hub::cli;
    const std::string_view first = argc > 1 ? argv[1] : "";
    const bool runs_commands = first == "exec" || first == "shell" || first == "attach";
    try {
        const Arguments args = parse(argc, argv);
        if (args.help) {
            std::cout << usage;
            return 0;
        }
        const std::string verb = args.words.empty() ? std::string{} : args.words[0];
        if (verb == "runs") return runs(args);
        if (verb == "exec") return exec(args);
        if (verb == "shell") return shell(args);
        if (verb == "attach") return attach(args);
        if (verb == "server") return server(args);
        if (verb == "print") return print(args);
        if (credentials(args)) return 0;
        throw Usage{what_is_wrong(args)};
    } catch (const Usage& e) {
        std::cerr << "agenthost hub: " << agenthost::base::visible_lines(e.what())
                  << "\nagenthost hub --help shows everything\n";
        return runs_commands ? not_ours : 2;
    } catch (const std::exception& e) {
        std::cerr << "agenthost hub: " << agenthost::base::visible_lines(e.what()) << "\n";
        return runs_commands ? not_ours : 1;
    }
}
