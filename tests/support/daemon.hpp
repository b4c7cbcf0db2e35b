// A real agenthost process for tests: its own folder, configuration, control socket and READY by sd_notify.
#pragma once

#include "support.hpp"

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace agenthost::test {

class Daemon {
public:
    struct Options {
        // YAML without `agent.state_dir`, `control` and `log`: those are ours. "{dir}" becomes the daemon's
        // folder.
        std::string yaml;
        std::string id = "node-01";
        std::vector<std::string> wrapper; // in front of the program, e.g. {"env", "LD_PRELOAD=..."}
        std::map<std::string, std::string> env;
        std::string log_level = "debug";
        std::vector<std::string> plugin_path; // empty: the build tree's
        std::filesystem::path dir; // empty: a folder of its own; given: state survives this object (restarts)
    };
    explicit Daemon(Options);
    // Ends the process, and searches what it wrote for every secret that was used (secrets.hpp): one found
    // aborts the test program. Prints the end of its log when it had crashed.
    ~Daemon();

    // True once READY=1 came; false when the process ended first or `max_wait` has passed (log() says why).
    bool wait_ready();
    [[nodiscard]] pid_t pid() const;
    [[nodiscard]] const std::filesystem::path& dir() const { return dir_; }
    [[nodiscard]] std::string control() const; // the socket's path
    [[nodiscard]] std::string config_file() const;
    void rewrite(const std::string& yaml); // for SIGHUP

    nlohmann::json status();                          // null when nobody answers
    std::string address(const std::string& listener); // "https://127.0.0.1:4711"
    std::string session_state(const std::string& server);
    // `agenthost ARGS...` against this daemon.
    Ran cli(std::vector<std::string> args, std::string input = {});
    // `agenthost call ACTION PARAMS`; the result line's data or error as the CLI prints it with --json.
    Ran call(const std::string& action, const std::string& params = "{}");

    void signal(int sig);
    bool running();
    std::optional<int> stop(); // SIGTERM, waits, exit code
    void kill9();
    [[nodiscard]] std::string log() const;

private:
    std::string complete(const std::string& yaml) const;
    void find_secrets();
    void report_end();
    Options options_;
    TempDir own_;
    std::filesystem::path dir_;
    int notify_ = -1;
    bool killed_ = false; // by us
    std::unique_ptr<Process> process_;
};

// A test CA and certificates made by openssl: ca.pem, and per name NAME.pem, NAME.key.
class TestCa {
public:
    TestCa();
    [[nodiscard]] std::string ca() const;
    // A certificate for these subjectAltNames ("DNS:localhost,IP:127.0.0.1"); returns {certificate, key}.
    std::pair<std::string, std::string> issue(const std::string& name, const std::string& alt_names);

private:
    TempDir dir_;
};

} // namespace agenthost::test
