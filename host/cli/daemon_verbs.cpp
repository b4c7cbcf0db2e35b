// The short verbs that ask a running daemon: health, reload, reconnect, version.
#include "print.hpp"
#include "verbs.hpp"

#include "netclient/control_client.hpp"

#include <agenthost/abi.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cstdlib>

namespace agenthost::host::cli {

using nlohmann::json;

namespace {

std::vector<std::string> texts(const json& object, const char* key)
{
    std::vector<std::string> out;
    if (object.is_object())
        for (const json& item : object.value(key, json::array()))
            out.push_back(item.is_string() ? item.get<std::string>()
                                           : item.dump(-1, ' ', false, json::error_handler_t::replace));
    return out;
}

int unanswered(const Context& context, const netclient::ControlAnswer& answer)
{
    if (context.json)
        print_text(json{{"error",
                         {{"code", answer.status ? "HTTP_" + std::to_string(answer.status) : "NO_ANSWER"},
                          {"message", answer.error()}}}}
                       .dump(-1, ' ', false, json::error_handler_t::replace) +
                   "\n");
    print_error(answer.error());
    return failed;
}

} // namespace

int health(const Context& context)
{
    const netclient::ControlAnswer answer =
        netclient::ControlClient{context.control_socket()}.request("GET", "/v1/health");
    if (!answer.good()) return unanswered(context, answer);
    const json state = answer.json();
    const bool healthy = state.is_object() && state.value("healthy", false),
               ready = state.is_object() && state.value("ready", false);
    if (context.json) {
        print_text(answer.body.ends_with('\n') ? answer.body : answer.body + "\n");
    } else {
        const bool colours = is_terminal(STDOUT_FILENO);
        const std::vector<std::string> problems = texts(state, "problems");
        const bool degraded = state.is_object() && state.value("status", "") == "degraded";
        print_text(healthy && ready ? paint("healthy", Colour::good, colours) + "\n"
                   : !ready         ? paint("not ready", Colour::doubtful, colours) + "\n"
                   : degraded       ? paint("degraded", Colour::doubtful, colours) + "\n"
                                    : paint("unhealthy", Colour::bad, colours) + "\n");
        for (const std::string& problem : problems) print_text("  " + printable(problem) + "\n");
    }
    return healthy && ready ? ok : failed;
}

int reload(const Context& context)
{
    // Plugins may use up their create and start timeouts, one after the other.
    const netclient::ControlAnswer answer = netclient::ControlClient{context.control_socket()}.request(
        "POST", "/v1/reload", "", std::chrono::minutes{5});
    const json state = answer.json();
    if (answer.status != 422 && !answer.good()) return unanswered(context, answer);
    const std::vector<std::string> failures = texts(state, "failed");
    if (context.json) {
        print_text(answer.body.ends_with('\n') ? answer.body : answer.body + "\n");
        return !answer.good() ? bad_config : failures.empty() ? ok : failed;
    }
    if (answer.status == 422) {
        for (const std::string& problem : texts(state, "problems"))
            std::fprintf(stderr, "%s\n", printable(problem).c_str());
        print_error("nothing was changed: the old configuration stays");
        return bad_config;
    }
    const std::vector<std::string> changes = texts(state, "changes"), notices = texts(state, "notices");
    if (changes.empty() && notices.empty() && failures.empty())
        print_text("reloaded: nothing has changed\n");
    else
        print_text("reloaded:\n");
    for (const std::string& change : changes) print_text("  " + printable(change) + "\n");
    for (const std::string& notice : notices) print_text("  " + printable(notice) + "\n");
    for (const std::string& failure : failures) std::fprintf(stderr, "%s\n", printable(failure).c_str());
    if (!failures.empty())
        print_error("reloaded, but not everything works; `agenthost health` shows the state");
    return failures.empty() ? ok : failed;
}

int reconnect(const Context& context, const std::string& server)
{
    const std::string body = json{{"name", server}}.dump(-1, ' ', false, json::error_handler_t::replace);
    const netclient::ControlAnswer answer =
        netclient::ControlClient{context.control_socket()}.request("POST", "/v1/reconnect", body);
    if (!answer.good()) return unanswered(context, answer);
    if (context.json)
        print_text(answer.body.ends_with('\n') ? answer.body : answer.body + "\n");
    else
        print_text("connecting to " + printable(server) + " now; `agenthost status` shows how it goes\n");
    return ok;
}

int version(const Context& context)
{
    const std::string abi = std::to_string(AGH_ABI_MAJOR) + "." + std::to_string(AGH_ABI_MINOR);
    if (context.json)
        print_text(json{{"version", AGENTHOST_VERSION}, {"abi", abi}}.dump() + "\n");
    else
        print_text("agenthost " AGENTHOST_VERSION " (plugin ABI " + abi + ")\n");
    return ok;
}

} // namespace agenthost::host::cli
