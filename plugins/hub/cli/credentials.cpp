// agenthost hub agent ..., agenthost hub token ...: credentials of agents and callers.
#include "daemon.hpp"
#include "verbs.hpp"

#include "base/visible.hpp"

#include <unistd.h>

#include <ctime>
#include <iostream>

namespace agenthost::hub::cli {

using nlohmann::json;

namespace {

// Lists come in pages.
json list_agents(const std::string& control)
{
    json all = json::array(), params = json::object();
    for (;;) {
        const json page = call(control, {"hub.agent_list", params});
        for (const auto& agent : page.at("agents")) all.push_back(agent);
        if (!page.at("next").is_string()) return {{"agents", std::move(all)}};
        params["after"] = page.at("next");
    }
}

void print_secret(const json& data, const char* key, const char* advice)
{
    std::cout << data.at(key).get<std::string>() << std::endl;
    std::cerr << advice << "\n";
}

void print_credential(const json& data)
{
    if (data.contains("secret")) {
        return print_secret(data, "secret",
                            "This secret is shown once. Put it on the agent's machine, in the file that its "
                            "server's credential names, mode 0600.");
    }
    if (!data.contains("refreshToken")) {
        return print_secret(data, "token",
                            "This token is shown once. Put it on the agent's machine, in the file that its "
                            "server's credential names, mode 0600.");
    }
    std::cout << data.at("token").get<std::string>() << "\n"
              << data.at("refreshToken").get<std::string>() << std::endl;
    std::cerr << "The agent's token, and the refresh token that renews it once; shown once. Agents that can "
                 "register by "
                 "themselves need neither: give them the enroll token.\n";
}

// Prints columns without empty ones at the end.
void print_row(std::vector<std::string> columns)
{
    while (!columns.empty() && columns.back().empty()) columns.pop_back();
    for (std::size_t i = 0; i < columns.size(); ++i)
        std::cout << (i == 0 ? "" : "\t") << base::visible(columns[i]);
    std::cout << "\n";
}

// For people only: programs read the rows or use --json.
void print_header(std::vector<std::string> columns)
{
    if (::isatty(STDOUT_FILENO) != 0) print_row(std::move(columns));
}

void print_agents(const json& data)
{
    print_header({"ID", "STATUS", "CREDENTIAL", "PROTOCOL", "NAME"});
    for (const auto& a : data.at("agents"))
        print_row(
            {a.at("id"), a.at("status"), a.at("credential"), a.value("protocol", ""), a.value("name", "")});
}

std::string day(std::int64_t utc_ms)
{
    const std::time_t when = utc_ms / 1000;
    char text[32] = "";
    std::tm tm{};
    if (::gmtime_r(&when, &tm) != nullptr) std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return text;
}

void print_tokens(const json& data)
{
    print_header({"ID", "CREATED", "LABEL", "ROLE", "EXPIRES", "AGENTS"});
    for (const auto& t : data.at("tokens")) {
        std::string agents;
        for (const auto& id : t.value("agents", json::array()))
            agents += (agents.empty() ? "" : ",") + id.get<std::string>();
        print_row({t.at("id"), day(t.at("created")), t.at("label"), t.at("role"),
                   t.contains("expires") ? day(t.at("expires")) : "never", agents});
    }
}

json token_params(const Arguments& args)
{
    json params = json::object();
    if (args.words.size() > 2) params["label"] = args.words[2];
    if (!args.role.empty()) params["role"] = args.role;
    if (!args.expires.empty()) params["expires"] = args.expires;
    for (std::string_view rest = args.agents; !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        if (comma > 0) params["agents"].push_back(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return params;
}

} // namespace

// false: not a command.
bool credentials(const Arguments& args)
{
    const auto& w = args.words;
    const auto is = [&w](const char* noun, const char* verb, std::size_t min, std::size_t max) {
        return w.size() >= 2 && w[0] == noun && w[1] == verb && w.size() - 2 >= min && w.size() - 2 <= max;
    };
    json data;
    void (*print)(const json&) = nullptr;
    if (is("agent", "add", 1, 1)) {
        json params{{"id", w[2]}};
        if (args.rotate) params["rotate"] = true;
        if (!args.protocol.empty()) params["protocol"] = args.protocol;
        if (!args.expires.empty()) params["expires"] = args.expires;
        data = call(args.control, {"hub.agent_add", params});
        print = print_credential;
    } else if (is("agent", "list", 0, 0)) {
        data = list_agents(args.control);
        print = print_agents;
    } else if (is("agent", "revoke", 1, 1)) {
        data = call(args.control, {"hub.agent_revoke", {{"id", w[2]}}});
        print = [](const json& d) { std::cout << d.at("id").get<std::string>() << " revoked\n"; };
    } else if (is("token", "new", 0, 1)) {
        data = call(args.control, {"hub.token_new", token_params(args)});
        print = [](const json& d) {
            print_secret(d, "token",
                         "This token is shown once. Use it as: curl -H \"Authorization: Bearer TOKEN\" ...");
        };
    } else if (is("token", "list", 0, 0)) {
        data = call(args.control, {"hub.token_list", json::object()});
        print = print_tokens;
    } else if (is("token", "revoke", 1, 1)) {
        data = call(args.control, {"hub.token_revoke", {{"id", w[2]}}});
        print = [](const json& d) { std::cout << d.at("id").get<std::string>() << " revoked\n"; };
    } else {
        return false;
    }
    if (args.as_json)
        std::cout << data.dump() << "\n";
    else
        print(data);
    return true;
}

} // namespace agenthost::hub::cli
