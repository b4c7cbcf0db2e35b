#include "engine_process.hpp"

#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace agenthost::test {

namespace {

using namespace std::chrono_literals;

// Mounts that a killed engine left behind would keep the directory from being removed.
void unmount_below(const std::filesystem::path& dir)
{
    std::ifstream file{"/proc/self/mountinfo"};
    std::vector<std::string> found;
    for (std::string line; std::getline(file, line);) {
        std::istringstream fields{line};
        std::string field;
        for (int i = 0; i < 5; ++i) fields >> field; // the fifth is the mount point
        if (field.starts_with(dir.string() + "/")) found.push_back(field);
    }
    for (auto at = found.rbegin(); at != found.rend(); ++at) ::umount2(at->c_str(), MNT_DETACH);
}

} // namespace

EngineProcess::EngineProcess(Kind kind, std::vector<std::string> more_arguments)
    : kind_{kind}, more_{std::move(more_arguments)}
{
    // Processes whose engine was killed become ours, so that they can be reaped: an engine takes the zombie
    // of a former one's containerd for a living process.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    start();
}

EngineProcess::~EngineProcess()
{
    stop();
    unmount_below(dir_.path());
}

std::vector<std::string> EngineProcess::command() const
{
    const auto at = [this](const char* name) { return (dir_ / name).string(); };
    std::vector<std::string> command;
    if (podman())
        command = {"podman",
                   "--root",
                   at("root"),
                   "--runroot",
                   at("run"),
                   "--tmpdir",
                   at("tmp"),
                   "--runtime",
                   "runc",
                   "--storage-driver",
                   "vfs",
                   "--cgroup-manager",
                   "cgroupfs",
                   "--events-backend",
                   "file",
                   "system",
                   "service",
                   "--time=0",
                   "unix://" + socket()};
    else
        command = {"dockerd",
                   "--data-root",
                   at("data"),
                   "--exec-root",
                   at("exec"),
                   "-H",
                   "unix://" + socket(),
                   "--pidfile",
                   at("pid"),
                   "--storage-driver",
                   "vfs",
                   "--bridge",
                   "none",
                   "--iptables=false",
                   "--ip-forward=false",
                   "--ip-masq=false",
                   "--config-file",
                   at("daemon.json")};
    command.insert(command.end(), more_.begin(), more_.end());
    return command;
}

// The files of both engines; each reads its own.
void EngineProcess::configure() const
{
    write_file(dir_ / "daemon.json", "{}");
    std::filesystem::create_directories(dir_ / "networks");
    // Podman 5 has networks of netavark, Podman 4 of CNI, which would read the other's files too.
    const bool netavark = std::filesystem::exists("/usr/lib/podman/netavark");
    // runc may not raise limits here, and Podman's own defaults would.
    write_file(dir_ / "containers.conf",
               "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n[network]\n"
               "network_config_dir = \"" +
                   (dir_ / "networks").string() + "\"\n" + (netavark ? "firewall_driver = \"none\"\n" : ""));
    if (netavark)
        return write_file(dir_ / "networks/gamenet.json",
                          R"({"name":"gamenet","id":")" + std::string(64, 'a') +
                              R"(","driver":"bridge","network_interface":"agh-gamenet",)"
                              R"("created":"2026-01-01T00:00:00Z","subnets":[{"subnet":"10.98.76.0/24",)"
                              R"("gateway":"10.98.76.1"}],"ipv6_enabled":false,"internal":false,)"
                              R"("dns_enabled":false,"ipam_options":{"driver":"host-local"}})");
    write_file(dir_ / "networks/gamenet.conflist",
               R"({"cniVersion":"0.4.0","name":"gamenet","plugins":[{"type":"bridge","bridge":"agh-gamenet",)"
               R"("isGateway":true,"ipam":{"type":"host-local","dataDir":")" +
                   (dir_ / "addresses").string() + R"(","ranges":[[{"subnet":"10.98.76.0/24"}]]}}]})");
}

void EngineProcess::start()
{
    if (process_ && process_->running()) return;
    if (process_) forget_dead_processes(); // it may have died by itself
    configure();
    process_ = std::make_unique<Process>(
        Process::Options{.argv = command(),
                         .env = {{"CONTAINERS_CONF", (dir_ / "containers.conf").string()}},
                         .out = dir_ / "out",
                         .err = dir_ / "log"});
    if (!wait_for([this] { return !process_->running() || answers(); }) || !process_->running())
        throw std::runtime_error{"the engine does not start: " + log()};
    if (!std::exchange(imported_, true)) import_image();
}

bool EngineProcess::answers() const
{
    return std::filesystem::exists(socket()) &&
           run({"curl", "-sf", "-m", "5", "--unix-socket", socket(), "http://engine/_ping"}).code == 0;
}

void EngineProcess::stop()
{
    if (!process_ || !process_->running()) return;
    process_->signal(SIGTERM);
    if (!process_->wait(40s)) kill();
}

void EngineProcess::kill()
{
    process_->signal(SIGKILL);
    process_->wait();
    forget_dead_processes();
}

void EngineProcess::forget_dead_processes()
{
    const auto file = dir_ / "exec/containerd/containerd.pid";
    if (std::ifstream in{file}; in) {
        pid_t pid = 0;
        in >> pid; // it dies with its dockerd
        wait_for([&] { return pid <= 0 || ::waitpid(pid, nullptr, WNOHANG) != 0; }, 10s);
    }
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    std::filesystem::remove(dir_ / "pid", ignored);
}

void EngineProcess::import_image()
{
    const auto root = dir_ / "image";
    for (const char* name : {"bin", "tmp", "proc", "dev", "sys", "etc", "data"})
        std::filesystem::create_directories(root / name);
    std::filesystem::copy_file("/bin/busybox", root / "bin/busybox");
    for (const char* applet :
         {"sh", "cat", "echo", "sleep", "head", "seq", "dd", "tr", "true", "false", "yes"})
        std::filesystem::create_symlink("busybox", root / "bin" / applet);
    import_folder(root, "game:1");
}

void EngineProcess::import_folder(const std::filesystem::path& root, const std::string& name)
{
    const auto tar = (dir_ / "image.tar").string();
    if (const auto made = run({"tar", "-C", root.string(), "-cf", tar, "."}); made.code != 0)
        throw std::runtime_error{"tar: " + made.err};
    const auto colon = name.rfind(':');
    const auto imported =
        podman() ? run({"podman", "--root", (dir_ / "root").string(), "--runroot", (dir_ / "run").string(),
                        "--tmpdir", (dir_ / "tmp").string(), "--storage-driver", "vfs", "import", tar, name})
                 : run({"curl", "-sSf", "--unix-socket", socket(), "-X", "POST", "--data-binary", "@" + tar,
                        "-H", "Content-Type: application/x-tar",
                        "http://engine/v1.41/images/create?fromSrc=-&repo=" + name.substr(0, colon) +
                            "&tag=" + name.substr(colon + 1)});
    if (imported.code != 0) throw std::runtime_error{"importing the image: " + imported.out + imported.err};
}

} // namespace agenthost::test
