// agenthost hub ...: the hub's own verb. A small client of the running daemon's control socket; it knows the
// hub's actions and nothing else.
#include "daemon.hpp"
#include "verbs.hpp"

#include <exception>
#include <iostream>

namespace {

constexpr const char* usage =
    R"(usage: agenthost hub exec AGENT [OPTIONS] -- CMD ARG...   run a command on an agent, as if it ran here
       agenthost hub exec AGENT [OPTIONS] --command STRING   the same, by the agent's shell
       agenthost hub shell AGENT [OPTIONS] [-- CMD ARG...]   a terminal there; Ctrl-] then d leaves it running
       agenthost hub attach ID              back to a shell or command that was left
       agenthost hub runs                   commands that run, and those that ended lately
       agenthost hub agent add ID [--protocol P] [--rotate]   mint a credential for an agent (shown once)
       agenthost hub agent list             agents that have a credential
       agenthost hub agent revoke ID        refuse an agent from now on, cut its session
       agenthost hub token new [LABEL]      mint a bearer token for the REST API (shown once)
       agenthost hub token new [LABEL] --role ROLE   mint a JWT: dashboard or admin (shown once)
       agenthost hub token list
       agenthost hub token revoke TOKEN_ID
commands: --cwd DIR           where it runs there; default: its user's home
         -e, --env NAME=VALUE a variable for it (NAME: as it is here); the agent's policy says which
         --run-as USER        as whom; the agent's policy says who
         --timeout TIME       30s, 5m, 2h: ended after that
         --priority P         low, normal, high, urgent: in the agent's queue
         -i, --input          exec: standard input goes to it also when that is a terminal
         -n, --no-input       exec: standard input stays here
credentials: --protocol P     what the agent speaks. storage, print and signed (the default): a secret; panel: a JWT and the refresh token
                             that renews it; dashboard: a JWT
         --rotate            replace the agent's credential; a session with the old one ends
         --role ROLE         dashboard: sees and commands agents; admin: everything
         --agents A,B        the only agents that a dashboard sees; default: all
         --expires TIME      10m, 24h, 30d: how long a JWT is good (default: 30d; an agent's 25h for panel, 365d for dashboard)
all:     --json              print the hub's answer as JSON; exec, shell, attach: how the command ended, on standard error
         --control SOCKET    the daemon's control socket (default: $AGENTHOST_CONTROL, /run/agenthost/control.sock)
Ctrl-C interrupts what exec runs, the second one kills it, the third one leaves. When exec goes, its command is interrupted.
exit codes: 0 ok, 1 refused or no daemon, 2 usage. exec, shell, attach: the command's own, 128+n when signal n ended it; 124 not in
time, 125 it did not run or how it ended is not known (agent unknown, offline or unwilling; no daemon; usage; output
lost on the way), 127 no such program there
)";

// Describes the wrong or missing word of an invalid command.
std::string what_is_wrong(const agenthost::hub::cli::Arguments& args)
{
    const auto& w = args.words;
    if (w.empty()) return "a command is missing: exec, shell, attach, runs, agent or token";
    if (w[0] != "agent" && w[0] != "token")
        return "unknown command \"" + w[0] + "\"; known are exec, shell, attach, runs, agent and token";
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
        if (credentials(args)) return 0;
        throw Usage{what_is_wrong(args)};
    } catch (const Usage& e) {
        std::cerr << "agenthost hub: " << e.what() << "\nagenthost hub --help shows everything\n";
        return runs_commands ? not_ours : 2;
    } catch (const std::exception& e) {
        std::cerr << "agenthost hub: " << e.what() << "\n";
        return runs_commands ? not_ours : 1;
    }
}
