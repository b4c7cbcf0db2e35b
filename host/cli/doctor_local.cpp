// Checks this machine: clock, disk, permissions, limits, credentials, plugins, ports.
#include "doctor.hpp"
#include "print.hpp"
#include "verbs.hpp"

#include "host/config/bind.hpp"
#include "netclient/tls.hpp"

#include "base/fd.hpp"
#include "netclient/control_client.hpp"
#include <nlohmann/json.hpp>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace agenthost::host::cli {

namespace fs = std::filesystem;

void check_clock(Findings& findings)
{
    constexpr std::time_t plausible = 1'735'689'600; // 2025: earlier than this program
    if (std::time(nullptr) < plausible)
        return findings.push_back({Verdict::bad, "clock",
                                   "the system clock is set before 2025, when no certificate is valid yet",
                                   "timedatectl set-ntp true, or set it by hand"});
    timex t{};
    const int state = ::adjtimex(&t);
    if (state < 0 || (state != TIME_ERROR && (t.status & STA_UNSYNC) == 0))
        return findings.push_back(
            {Verdict::good, "clock",
             state < 0 ? "its synchronisation state cannot be read here" : "synchronised", ""});
    findings.push_back({Verdict::doubtful, "clock",
                        "not synchronised: signed messages and certificates depend on it",
                        "timedatectl set-ntp true (in a container: on its host)"});
}

void check_state(Findings& findings, const Config& config)
{
    const fs::path& folder = config.state_dir;
    struct stat st {};
    fs::path there = folder; // or the nearest existing parent
    while (::stat(there.c_str(), &st) != 0 && there.has_relative_path()) there = there.parent_path();
    if (there == folder) {
        if (!S_ISDIR(st.st_mode))
            return findings.push_back({Verdict::bad, "state", folder.string() + " is not a folder",
                                       "remove it, or set agent.state_dir"});
        const bool owner = st.st_uid == ::geteuid() || ::geteuid() == 0;
        if (!owner || ::access(folder.c_str(), R_OK | W_OK | X_OK) != 0)
            findings.push_back({Verdict::bad, "state", folder.string() + " cannot be written by this user",
                                "run doctor as the daemon's user, or: chown USER " + folder.string()});
        else if ((st.st_mode & 0077) != 0)
            findings.push_back({Verdict::doubtful, "state",
                                folder.string() + " is accessible to others, and it holds tokens",
                                "chmod 700 " + folder.string()});
        else
            findings.push_back({Verdict::good, "state", folder.string(), ""});
    } else if (::access(there.c_str(), W_OK | X_OK) == 0) {
        findings.push_back(
            {Verdict::good, "state", folder.string() + " does not exist yet and will be created", ""});
    } else {
        findings.push_back(
            {Verdict::bad, "state",
             folder.string() + " does not exist, and this user cannot create it in " + there.string(),
             "mkdir -p " + folder.string() + " and chown it to the daemon's user, or set agent.state_dir"});
    }
    struct statvfs fsys {};
    if (::statvfs(there.c_str(), &fsys) != 0) return;
    const std::uint64_t free = std::uint64_t{fsys.f_bavail} * fsys.f_frsize;
    constexpr std::uint64_t scarce = 1ULL << 30,
                            none = 64ULL << 20; // the journal alone may grow to several hundred MiB
    const std::string text = human_size(free) + " free on the disk of " + there.string();
    const std::string remedy = "free some, or move agent.state_dir to another disk";
    findings.push_back({free < none     ? Verdict::bad
                        : free < scarce ? Verdict::doubtful
                                        : Verdict::good,
                        "disk", text, free < scarce ? remedy : ""});
    if (fsys.f_files > 0 && fsys.f_favail < 1000)
        findings.push_back(
            {Verdict::doubtful, "disk",
             "only " + std::to_string(fsys.f_favail) + " inodes are free on the disk of " + there.string(),
             "delete small files"});
}

void check_limits(Findings& findings, const Config& config)
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    std::uint64_t needed = 256 + config.servers.size(); // plugins, databases, transfers
    for (const ListenerConfig& listener : config.listeners) needed += listener.connections;
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= needed)
        return findings.push_back(
            {Verdict::good, "limits",
             "open files: up to " +
                 (limit.rlim_max == RLIM_INFINITY ? "any number" : std::to_string(limit.rlim_max)),
             ""});
    findings.push_back(
        {Verdict::doubtful, "limits",
         "at most " + std::to_string(limit.rlim_max) + " open files, but the listeners may need " +
             std::to_string(needed),
         "LimitNOFILE=" + std::to_string(needed) + " in the unit, or lower listeners[].connections"});
}

void check_control(Findings& findings, const Context& context, bool& running)
{
    const fs::path socket = context.control_socket();
    const netclient::ControlAnswer answer =
        netclient::ControlClient{socket}.request("GET", "/v1/health", {}, std::chrono::seconds{3});
    running = answer.good();
    if (answer.no_daemon)
        return findings.push_back({Verdict::good, "daemon", "not running (" + socket.string() + ")", ""});
    if (!answer.good())
        return findings.push_back(
            {Verdict::bad, "daemon", answer.error(), "agenthost status; journalctl -u agenthost"});
    const nlohmann::json state = answer.json();
    const nlohmann::json none = nlohmann::json::array();
    if (state.is_object())
        for (const auto& problem : state.value("problems", none))
            if (problem.is_string())
                findings.push_back(
                    {Verdict::doubtful, "daemon", problem.get<std::string>(), "agenthost status"});
    findings.push_back({Verdict::good, "daemon", "running (" + socket.string() + ")", ""});
}

void check_credentials(Findings& findings, const Config& config)
{
    for (const ServerConfig& server : config.servers) {
        if (server.credential.kind == SecretSource::Kind::none) continue;
        const std::string area = "server " + server.name;
        std::string why;
        if (read_secret(server.credential, why))
            findings.push_back({Verdict::good, area, "its credential can be read", ""});
        else if (server.credential.kind != SecretSource::Kind::file)
            findings.push_back({Verdict::doubtful, area, why,
                                "the daemon may have it even if this shell does not: see agenthost status"});
        else
            findings.push_back({Verdict::bad, area, "its credential: " + why,
                                "until it is fixed, the server rejects this agent"});
    }
}

void check_plugins(Findings& findings, const Config& config)
{
    std::vector<PluginProblem> problems = plugin_problems(config, true);
    for (const PluginConfig& plugin : config.plugins) {
        if (!plugin.enabled) continue;
        bool good = true;
        for (const PluginProblem& problem : problems) {
            if (problem.id != plugin.id) continue;
            good = good && problem.warning;
            findings.push_back({problem.warning ? Verdict::doubtful : Verdict::bad, "plugin " + plugin.id,
                                problem.text, "agenthost plugin check " + plugin.id});
        }
        if (good) findings.push_back({Verdict::good, "plugin " + plugin.id, "can be loaded", ""});
    }
}

std::string describe_expiry(Findings& findings, const std::string& area, const std::string& what, int days)
{
    const std::string text = std::to_string(std::abs(days)) + (std::abs(days) == 1 ? " day" : " days");
    if (days < 0)
        findings.push_back({Verdict::bad, area, what + " expired " + text + " ago", "renew it"});
    else if (days < 14)
        findings.push_back({Verdict::doubtful, area, what + " expires in " + text, "renew it"});
    return "valid for " + text;
}

namespace {

// Days until the first certificate of a context expires.
int days_left(const X509* certificate)
{
    int days = 0, seconds = 0;
    if (!certificate || ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) != 1)
        return 0;
    return seconds < 0 && days == 0 ? -1 : days;
}

// Empty when the address can be bound now. `alone`: IPv6 without IPv4.
std::string try_bind(const std::string& text, bool alone)
{
    const auto bind = conf::parse_bind(text);
    if (!bind) return conf::why_no_bind(text);
    sockaddr_storage storage{};
    socklen_t size = 0;
    const auto port = htons(static_cast<std::uint16_t>(std::stoul(bind->port)));
    if (auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
        ::inet_pton(AF_INET, bind->address.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        size = sizeof *v4;
    } else {
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
        ::inet_pton(AF_INET6, bind->address.c_str(), &v6->sin6_addr);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        size = sizeof *v6;
    }
    const base::Fd fd{::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1, only = alone ? 1 : 0;
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd && storage.ss_family == AF_INET6)
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (fd && ::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0) return {};
    const bool no_v6 = errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL;
    if (bind->every && no_v6) return try_bind("0.0.0.0:" + bind->port, false);
    return std::strerror(errno);
}

std::string bind_remedy(int error, const std::string& bind)
{
    const std::string port = bind.substr(bind.rfind(':') + 1);
    if (error == EADDRINUSE)
        return "stop the process that uses it (ss -ltnp 'sport = :" + port +
               "' names it), or choose another port";
    if (error == EACCES)
        return "ports below 1024 need root or AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit";
    if (error == EADDRNOTAVAIL) return "this address is not this machine's (ip address lists them)";
    return "choose another address";
}

// Whether there is an IPv4 address on the same port. "[::]:PORT" is then for IPv6 only.
bool serves_v4_too(const Config& config, const std::string& text)
{
    const auto bind = conf::parse_bind(text);
    for (const ListenerConfig& listener : config.listeners)
        for (const std::string& other : listener.bind)
            if (const auto b = conf::parse_bind(other);
                bind && b && b->port == bind->port && b->address.find(':') == std::string::npos)
                return true;
    return false;
}

} // namespace

void check_listeners(Findings& findings, const Config& config, bool running)
{
    for (const ListenerConfig& listener : config.listeners) {
        const std::string area = "listener " + listener.name;
        bool good = true;
        std::string notes;
        if (listener.tls) {
            const netclient::TlsResult made = netclient::make_server_context(*listener.tls);
            if (!made.context) {
                good = false;
                findings.push_back(
                    {Verdict::bad, area, made.problem, "until it is fixed, the listener does not start"});
            } else {
                const int days = days_left(SSL_CTX_get0_certificate(made.context->get()));
                notes = ", certificate " +
                        describe_expiry(findings, area, "its certificate " + listener.tls->certificate, days);
            }
        }
        std::string binds;
        for (const std::string& bind : listener.bind) {
            binds += (binds.empty() ? "" : ", ") + bind;
            if (running) continue;
            errno = 0;
            const std::string why = try_bind(bind, serves_v4_too(config, bind));
            if (why.empty()) continue;
            good = false;
            findings.push_back({Verdict::bad, area, bind + ": " + why, bind_remedy(errno, bind)});
        }
        if (good) findings.push_back({Verdict::good, area, binds + notes, ""});
    }
}

} // namespace agenthost::host::cli
