// agenthost hub ...: the hub's own verb. A small client of the running daemon's control socket (POST /v1/call); it knows the hub's
// actions and nothing else. Exit codes: 0 ok, 1 the daemon or the hub said no, 2 usage.
#include <nlohmann/json.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using nlohmann::json;

constexpr const char* usage =
    R"(usage: agenthost hub agent add ID [--protocol P] [--rotate]   mint a credential for an agent (shown once)
       agenthost hub agent list             agents that have a credential
       agenthost hub agent revoke ID        refuse an agent from now on, cut its session
       agenthost hub token new [LABEL]      mint a bearer token for the REST API (shown once)
       agenthost hub token new [LABEL] --role ROLE   mint a JWT: dashboard or admin (shown once)
       agenthost hub token list
       agenthost hub token revoke TOKEN_ID
options: --protocol P        what the agent speaks. storage, print, signed: a secret (the default); panel: a JWT and the refresh token
                             that renews it; dashboard: a JWT
         --rotate            replace the agent's credential; a session with the old one ends
         --role ROLE         dashboard: sees and commands agents; admin: everything
         --agents A,B        the only agents that a dashboard sees; default: all
         --expires TIME      10m, 24h, 30d: how long a JWT is good (default: 30d; an agent's 25h for panel, 365d for dashboard)
         --json              print the hub's answer as JSON
         --control SOCKET    the daemon's control socket (default: $AGENTHOST_CONTROL, /run/agenthost/control.sock)
exit codes: 0 ok, 1 refused or no daemon, 2 usage
)";

constexpr std::size_t most_answer = 64 << 20;

struct Failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Socket {
public:
    explicit Socket(const std::string& path) : fd_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path.size() >= sizeof address.sun_path)
            throw Failed{path + ": longer than a socket's path may be"};
        path.copy(address.sun_path, path.size());
        if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            const int cause = errno;
            const char* hint = cause == EACCES ? " Run this as root or as the daemon's user."
                                               : " Is the daemon running? Start it with: agenthost run (or "
                                                 "name its socket with --control)";
            throw Failed{"cannot reach agenthost at " + path + ": " + std::strerror(cause) + "." + hint};
        }
    }
    ~Socket() { ::close(fd_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void write(std::string_view text) const
    {
        while (!text.empty()) {
            const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) throw Failed{std::string{"the control socket closed: "} + std::strerror(errno)};
            text.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    [[nodiscard]] std::string read_all() const
    {
        std::string all;
        std::vector<char> buffer(64 << 10);
        for (;;) {
            const ssize_t n = ::read(fd_, buffer.data(), buffer.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0)
                throw Failed{std::string{"reading the control socket failed: "} + std::strerror(errno)};
            if (n == 0) return all;
            all.append(buffer.data(), static_cast<std::size_t>(n));
            if (all.size() > most_answer) throw Failed{"the daemon's answer is larger than 64 MiB"};
        }
    }

private:
    int fd_;
};

std::string dechunk(std::string_view body)
{
    std::string out;
    for (;;) {
        const std::size_t end = body.find("\r\n");
        if (end == std::string_view::npos) throw Failed{"the daemon's answer was cut off"};
        const std::size_t size = std::stoul(std::string{body.substr(0, end)}, nullptr, 16);
        body.remove_prefix(end + 2);
        if (size == 0) return out;
        if (size > body.size()) throw Failed{"the daemon's answer was cut off"};
        out += body.substr(0, size);
        body.remove_prefix(std::min(size + 2, body.size()));
    }
}

[[noreturn]] void refuse(const json& error)
{
    std::string text = error.value("message", "refused");
    if (const auto code = error.value("code", ""); !code.empty()) text += " (" + code + ")";
    if (const auto detail = error.value("detail", ""); !detail.empty()) text += ": " + detail;
    if (error.value("code", "") == "UNKNOWN_ACTION")
        text += ". Is the hub plugin enabled? Set plugins.hub.enabled: true.";
    throw Failed{text};
}

json call(const std::string& control, const std::string& action, const json& params)
{
    const std::string body = json{{"action", action}, {"params", params}, {"timeout_ms", 30'000}}.dump();
    const Socket socket{control};
    socket.write("POST /v1/call HTTP/1.1\r\nHost: agenthost\r\nContent-Type: application/json\r\nConnection: "
                 "close\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body);
    const std::string all = socket.read_all();
    const std::size_t head_end = all.find("\r\n\r\n");
    if (!all.starts_with("HTTP/1.") || all.size() < 12 || head_end == std::string::npos)
        throw Failed{"the daemon's answer was cut off"};
    std::string head = all.substr(0, head_end);
    for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    std::string text = all.substr(head_end + 4);
    if (head.find("transfer-encoding: chunked") != std::string::npos) text = dechunk(text);
    json last;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        if (auto line = json::parse(text.substr(at, end - at), nullptr, false); line.is_object())
            last = std::move(line);
        at = end + 1;
    }
    if (last.contains("error")) refuse(last["error"]);
    if (!last.contains("result")) throw Failed{"the daemon's answer has no result"};
    const json& result = last["result"];
    if (result.value("status", "") != "success") refuse(result);
    return result.value("data", json::object());
}

struct Arguments {
    std::vector<std::string> words;
    std::string control = "/run/agenthost/control.sock";
    std::string protocol, role, agents, expires;
    bool as_json = false, rotate = false, help = false;
};

// --NAME VALUE or --NAME=VALUE
bool valued(int& i, int argc, char** argv, std::string_view name, std::string& to)
{
    const std::string_view word = argv[i];
    if (word == name && i + 1 < argc)
        to = argv[++i];
    else if (word.starts_with(name) && word.substr(name.size()).starts_with('='))
        to = word.substr(name.size() + 1);
    else
        return false;
    return true;
}

std::optional<Arguments> parse(int argc, char** argv)
{
    Arguments out;
    if (const char* env = std::getenv("AGENTHOST_CONTROL"); env != nullptr && *env != '\0') out.control = env;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--json")
            out.as_json = true;
        else if (word == "--rotate")
            out.rotate = true;
        else if (word == "--help" || word == "-h")
            out.help = true;
        else if (valued(i, argc, argv, "--control", out.control) ||
                 valued(i, argc, argv, "--protocol", out.protocol) ||
                 valued(i, argc, argv, "--role", out.role) || valued(i, argc, argv, "--agents", out.agents) ||
                 valued(i, argc, argv, "--expires", out.expires))
            continue;
        else if (word.starts_with("-")) {
            std::cerr << "agenthost hub: unknown option " << word << ", or its value is missing\n";
            return std::nullopt;
        } else
            out.words.emplace_back(word);
    }
    return out;
}

// Lists come in pages.
json list_agents(const std::string& control)
{
    json all = json::array(), params = json::object();
    for (;;) {
        const json page = call(control, "hub.agent_list", params);
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

// Columns, those at the end that are empty left out.
void print_row(std::vector<std::string> columns)
{
    while (!columns.empty() && columns.back().empty()) columns.pop_back();
    for (std::size_t i = 0; i < columns.size(); ++i) std::cout << (i == 0 ? "" : "\t") << columns[i];
    std::cout << "\n";
}

void print_agents(const json& data)
{
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

// false: not a command.
bool run(const Arguments& args)
{
    const auto& w = args.words;
    const auto is = [&w](const char* noun, const char* verb, std::size_t least, std::size_t most) {
        return w.size() >= 2 && w[0] == noun && w[1] == verb && w.size() - 2 >= least && w.size() - 2 <= most;
    };
    json data;
    void (*print)(const json&) = nullptr;
    if (is("agent", "add", 1, 1)) {
        json params{{"id", w[2]}};
        if (args.rotate) params["rotate"] = true;
        if (!args.protocol.empty()) params["protocol"] = args.protocol;
        if (!args.expires.empty()) params["expires"] = args.expires;
        data = call(args.control, "hub.agent_add", params);
        print = print_credential;
    } else if (is("agent", "list", 0, 0)) {
        data = list_agents(args.control);
        print = print_agents;
    } else if (is("agent", "revoke", 1, 1)) {
        data = call(args.control, "hub.agent_revoke", {{"id", w[2]}});
        print = [](const json& d) { std::cout << d.at("id").get<std::string>() << " revoked\n"; };
    } else if (is("token", "new", 0, 1)) {
        data = call(args.control, "hub.token_new", token_params(args));
        print = [](const json& d) {
            print_secret(d, "token",
                         "This token is shown once. Use it as: curl -H \"Authorization: Bearer TOKEN\" ...");
        };
    } else if (is("token", "list", 0, 0)) {
        data = call(args.control, "hub.token_list", json::object());
        print = print_tokens;
    } else if (is("token", "revoke", 1, 1)) {
        data = call(args.control, "hub.token_revoke", {{"id", w[2]}});
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

} // namespace

int main(int argc, char** argv)
{
    const auto args = parse(argc, argv);
    if (args && args->help) {
        std::cout << usage;
        return 0;
    }
    try {
        if (args && run(*args)) return 0;
    } catch (const std::exception& e) {
        std::cerr << "agenthost hub: " << e.what() << "\n";
        return 1;
    }
    std::cerr << usage;
    return 2;
}
