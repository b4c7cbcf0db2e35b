// agenthost hub exec, shell, attach, runs.
#include "daemon.hpp"
#include "session.hpp"
#include "verbs.hpp"

#include "base/visible.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iomanip>
#include <iostream>

namespace agenthost::hub::cli {

using nlohmann::json;

namespace {

json environment(const std::vector<std::string>& given)
{
    json env = json::object();
    for (const std::string& one : given) {
        const std::size_t equals = one.find('=');
        if (equals != one.npos) {
            env[one.substr(0, equals)] = one.substr(equals + 1);
        } else if (const char* here = std::getenv(one.c_str())) {
            env[one] = here;
        }
    }
    return env;
}

// JSON carries only UTF-8; the agent would receive something else than what was typed.
void need_utf8(const std::string& word)
{
    try {
        (void)json(word).dump();
    } catch (const json::exception&) {
        throw Usage{"an argument is not UTF-8 text; put such bytes into a file or on standard input"};
    }
}

json run_params(const Arguments& args)
{
    if (args.after)
        for (const std::string& word : *args.after) need_utf8(word);
    for (const std::string& word : {args.words[1], args.command, args.cwd, args.run_as}) need_utf8(word);
    for (const std::string& word : args.env) need_utf8(word);
    json params{{"agent", args.words[1]}};
    if (args.after && !args.after->empty()) params["argv"] = *args.after;
    if (!args.command.empty()) {
        if (params.contains("argv")) throw Usage{"either --command or -- and a command, not both"};
        params["command"] = args.command;
    }
    if (!args.cwd.empty()) params["cwd"] = args.cwd;
    if (!args.run_as.empty()) params["run_as"] = args.run_as;
    if (!args.priority.empty()) params["priority"] = args.priority;
    if (args.timeout) params["timeoutMs"] = args.timeout->count();
    if (!args.env.empty()) params["env"] = environment(args.env);
    return params;
}

json pty()
{
    const auto size = Tty::size();
    return size ? json{{"cols", size->cols}, {"rows", size->rows}} : json::object();
}

void need_terminal(const char* verb)
{
    if (!Tty::here())
        throw Usage{std::string{verb} + " needs a terminal on standard input and output. For a command in a "
                                        "script: agenthost hub exec AGENT -- CMD"};
}

std::string age(std::int64_t since_ms, std::int64_t now_ms)
{
    const std::int64_t s = std::max<std::int64_t>(0, now_ms - since_ms) / 1000;
    return s < 120     ? std::to_string(s) + "s"
           : s < 7'200 ? std::to_string(s / 60) + "m"
                       : std::to_string(s / 3'600) + "h";
}

} // namespace

int exec(const Arguments& args)
{
    if (args.words.size() != 2)
        throw Usage{args.words.size() < 2 ? "exec needs an agent: agenthost hub exec AGENT -- CMD ARG..."
                                          : "put -- before the command: agenthost hub exec " + args.words[1] +
                                                " -- " + args.words[2] + " ..."};
    json params = run_params(args);
    if (!params.contains("argv") && !params.contains("command"))
        throw Usage{"exec needs a command: agenthost hub exec " + args.words[1] + " -- CMD ARG..."};
    const bool input = !args.no_input && (args.input || ::isatty(STDIN_FILENO) != 1);
    if (input) params["input"] = true;
    params["leave"] = "interrupt";
    Session{{.control = args.control,
             .action = "hub.exec",
             .params = std::move(params),
             .input = input,
             .as_json = args.as_json}}
        .run();
}

int shell(const Arguments& args)
{
    if (args.words.size() != 2) throw Usage{"shell needs an agent: agenthost hub shell AGENT"};
    need_terminal("shell");
    json params = run_params(args);
    if (!params.contains("argv") && !params.contains("command"))
        params["command"] = R"(exec "${SHELL:-/bin/sh}" -l)";
    // Not the agent's default SHELL or TERM: its policy may not let callers set variables.
    const char* term = std::getenv("TERM");
    if (term != nullptr && *term != '\0' && term != std::string_view{"xterm-256color"} &&
        !params["env"].contains("TERM"))
        params["env"]["TERM"] = term;
    if (params["env"].empty()) params.erase("env");
    params["pty"] = pty();
    params["leave"] = "detach";
    Session{{.control = args.control,
             .action = "hub.exec",
             .params = std::move(params),
             .input = true,
             .interactive = true,
             .detaches = true,
             .as_json = args.as_json}}
        .run();
}

int attach(const Arguments& args)
{
    if (args.words.size() != 2)
        throw Usage{"attach needs a run: agenthost hub attach ID (agenthost hub runs lists them)"};
    const json runs = call(args.control, {"hub.runs", {{"id", args.words[1]}}}).at("runs");
    if (runs.empty())
        throw Failed{"there is no run " + args.words[1] + ". List them with: agenthost hub runs"};
    const bool interactive =
        runs[0].value("pty", false) && runs[0].value("status", "") != "ended" && Tty::here();
    Session{{.control = args.control,
             .action = "hub.attach",
             .params = {{"id", args.words[1]}},
             .input = interactive,
             .interactive = interactive,
             .detaches = true,
             .as_json = args.as_json}}
        .run();
}

int runs(const Arguments& args)
{
    if (args.words.size() != 1) throw Usage{"runs takes no argument"};
    const json data = call(args.control, {"hub.runs", json::object()});
    if (args.as_json) {
        std::cout << data.dump() << "\n";
        return 0;
    }
    const std::int64_t now = data.value("now", std::int64_t{0});
    for (const json& run : data.at("runs")) {
        const auto word = [&](const char* key) { return base::visible(run.at(key).get<std::string>()); };
        std::cout << word("id") << "\t" << word("agent") << "\t" << word("status");
        if (run.contains("exit_code")) std::cout << " " << run["exit_code"];
        std::cout << "\t" << age(run.value("started", now), now) << "\t"
                  << base::visible(run.value("command", "")) << "\n";
    }
    return 0;
}

} // namespace agenthost::hub::cli
