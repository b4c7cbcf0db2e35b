// A container engine of the test's own: a dockerd or a Podman service with its data below a temporary
// directory, started and ended by its process id. Leaves the machine's network and other engines alone: ports
// are published by dockerd's own proxy, and Podman has the network gamenet, a bridge without firewall.
// Needs root.
#pragma once

#include "tests/support/support.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace agenthost::test {

class EngineProcess {
public:
    enum class Kind { docker, podman };
    explicit EngineProcess(Kind = Kind::docker, std::vector<std::string> more_arguments = {});
    ~EngineProcess();
    EngineProcess(const EngineProcess&) = delete;
    EngineProcess& operator=(const EngineProcess&) = delete;

    // Until it answers; throws std::runtime_error with the engine's log.
    void start();
    // SIGTERM, and until it has ended.
    void stop();
    // SIGKILL, as a crash; start() works afterwards.
    void kill();
    // Stops or continues the engine's process, as one that hangs. Not its containerd.
    void signal(int number) const { process_->signal(number); }
    // An image of what is in `root`.
    void import_folder(const std::filesystem::path& root, const std::string& name);

    [[nodiscard]] std::string socket() const { return (dir_ / "engine.sock").string(); }
    // Of an image that has busybox and its applets in /bin; imported by start().
    [[nodiscard]] std::string image() const { return podman() ? "localhost/game:1" : "game:1"; }
    [[nodiscard]] bool podman() const { return kind_ == Kind::podman; }
    [[nodiscard]] pid_t pid() const { return process_->pid(); }
    [[nodiscard]] std::string log() const { return read_file(dir_ / "log"); }

private:
    [[nodiscard]] std::vector<std::string> command() const;
    void configure() const;
    [[nodiscard]] bool answers() const;
    void import_image();
    void forget_dead_processes();

    Kind kind_;
    std::vector<std::string> more_;
    TempDir dir_;
    std::unique_ptr<Process> process_;
    bool imported_ = false;
};

} // namespace agenthost::test
