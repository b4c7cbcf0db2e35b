#include "daemon.hpp"

#include "secrets.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace agenthost::test {

using json = nlohmann::json;

Daemon::Daemon(Options options)
    : options_{std::move(options)}, dir_{options_.dir.empty() ? own_.path() : options_.dir}
{
    std::filesystem::create_directories(dir_);
    const auto path = (own_ / "notify").string();
    notify_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (::bind(notify_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error{"bind " + path + ": " + std::strerror(errno)};
    write_file(config_file(), complete(options_.yaml));
    std::vector<std::string> argv = options_.wrapper;
    for (const auto& arg :
         {program("agenthost").string(), std::string{"run"}, std::string{"-c"}, config_file()})
        argv.push_back(arg);
    auto env = options_.env;
    env["NOTIFY_SOCKET"] = path;
    process_ = std::make_unique<Process>(Process::Options{
        .argv = argv, .env = env, .cwd = {}, .input = {}, .out = {}, .err = {}, .keep_fds = {}});
}

Daemon::~Daemon()
{
    if (process_->running()) kill9();
    find_secrets();
    report_end();
    process_.reset();
    if (notify_ >= 0) ::close(notify_);
}

void Daemon::find_secrets()
{
    keep_secrets_of(read_file(config_file()), options_.env, dir_ / "state");
    const auto found = leaks(process_->err() + process_->out());
    if (found.empty()) return;
    for (const auto& one : found)
        std::fprintf(stderr, "a secret in the log of %s: %s\n", options_.id.c_str(), one.c_str());
    std::abort(); // this library is also used without GoogleTest
}

// By a signal that was not ours, or a sanitizer: whatever the test says of it, this is why.
void Daemon::report_end()
{
    const std::string log = process_->err();
    const int code = process_->wait().value_or(-1);
    if (killed_ || (code < 128 && log.find("Sanitizer") == log.npos)) return;
    constexpr std::size_t max_shown = 16 << 10;
    std::fprintf(stderr, "%s ended by itself with %d:\n%s\n", options_.id.c_str(), code,
                 log.substr(log.size() - std::min(log.size(), max_shown)).c_str());
}

std::string Daemon::control() const { return (own_ / "control.sock").string(); }
std::string Daemon::config_file() const { return (dir_ / "agenthost.yaml").string(); }

std::string Daemon::complete(const std::string& yaml) const
{
    std::string path;
    for (const auto& folder : options_.plugin_path)
        path += (path.empty() ? ", plugin_path: ['" : ", '") + folder + "'";
    if (!path.empty()) path += "]";
    std::string text = "agent: {id: " + options_.id + ", state_dir: '" + (dir_ / "state").string() + "'" +
                       path + "}\ncontrol: {socket: '" + control() +
                       "'}\nlog: {level: " + options_.log_level + ", format: text}\n" + yaml + "\n";
    for (auto at = text.find("{dir}"); at != text.npos; at = text.find("{dir}", at))
        text.replace(at, 5, dir_.string());
    return text;
}

void Daemon::rewrite(const std::string& yaml) { write_file(config_file(), complete(yaml)); }

bool Daemon::wait_ready()
{
    bool ready = false;
    wait_for([&] {
        char text[1024];
        for (;;) {
            const auto n = ::recv(notify_, text, sizeof text, 0);
            if (n <= 0) break;
            if (std::string_view{text, static_cast<std::size_t>(n)}.find("READY=1") != std::string_view::npos)
                ready = true;
        }
        return ready || !process_->running();
    });
    return ready;
}

pid_t Daemon::pid() const { return process_->pid(); }
void Daemon::signal(int sig)
{
    killed_ = killed_ || sig == SIGKILL;
    process_->signal(sig);
}
bool Daemon::running() { return process_->running(); }
std::string Daemon::log() const { return process_->err(); }

std::optional<int> Daemon::stop()
{
    process_->signal(SIGTERM);
    return process_->wait();
}

void Daemon::kill9()
{
    killed_ = true;
    process_->signal(SIGKILL);
    process_->wait();
}

Ran Daemon::cli(std::vector<std::string> args, std::string input)
{
    std::vector<std::string> argv{program("agenthost").string(), "--control-socket", control(), "-c",
                                  config_file()};
    argv.insert(argv.end(), args.begin(), args.end());
    auto ran = run(std::move(argv), {}, std::move(input));
    keep_secrets_in_json(ran.out); // what `hub agent add --json` and its like hand out
    return ran;
}

Ran Daemon::call(const std::string& action, const std::string& params)
{
    return cli({"call", action, params});
}

json Daemon::status()
{
    const auto ran =
        run({"curl", "-s", "--max-time", "10", "--unix-socket", control(), "http://localhost/v1/status"});
    json value = json::parse(ran.out, nullptr, false);
    return value.is_discarded() ? json{} : value;
}

std::string Daemon::address(const std::string& listener)
{
    const json all = status();
    if (!all.is_object()) return {};
    for (const auto& one : all["listeners"])
        if (one["name"] == listener) return one["address"];
    return {};
}

std::string Daemon::session_state(const std::string& server)
{
    const json all = status();
    if (!all.is_object()) return {};
    for (const auto& one : all["servers"])
        if (one["name"] == server) return one["state"];
    return {};
}

TestCa::TestCa()
{
    const auto made =
        run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "3", "-subj", "/CN=agenthost test CA", "-addext", "basicConstraints=critical,CA:TRUE",
             "-keyout", (dir_ / "ca.key").string(), "-out", ca()});
    if (made.code != 0) throw std::runtime_error{"openssl: " + made.err};
}

std::string TestCa::ca() const { return (dir_ / "ca.pem").string(); }

std::pair<std::string, std::string> TestCa::issue(const std::string& name, const std::string& alt_names)
{
    const auto certificate = (dir_ / (name + ".pem")).string(), key = (dir_ / (name + ".key")).string(),
               request = (dir_ / (name + ".csr")).string(), extensions = (dir_ / (name + ".ext")).string();
    write_file(extensions, "subjectAltName=" + alt_names + "\n");
    auto made = run({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-subj", "/CN=" + name, "-keyout", key, "-out", request});
    if (made.code == 0)
        made =
            run({"openssl", "x509", "-req", "-days", "2", "-in", request, "-CA", ca(), "-CAkey",
                 (dir_ / "ca.key").string(), "-CAcreateserial", "-extfile", extensions, "-out", certificate});
    if (made.code != 0) throw std::runtime_error{"openssl: " + made.err};
    return {certificate, key};
}

} // namespace agenthost::test
