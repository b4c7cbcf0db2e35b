#include "client.hpp"

#include "tests/support/support.hpp"

#include "base/spawn.hpp"
#include "base/write_all.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace agenthost::test {

namespace {

constexpr const char* preload_library = "libumockdev-preload.so.0";

std::array<base::Fd, 2> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error{"pipe2"};
    return {base::Fd{ends[0]}, base::Fd{ends[1]}};
}

} // namespace

// A sanitizer wants to be the first library.
std::string usb_preload()
{
    std::ifstream maps{"/proc/self/maps"};
    for (std::string line; std::getline(maps, line);) {
        const auto at = line.find('/');
        if (at == std::string::npos) continue;
        const std::string path = line.substr(at);
        if (path.find("/libasan.so") != std::string::npos || path.find("/libtsan.so") != std::string::npos)
            return path + " " + preload_library;
    }
    return preload_library;
}

UsbSim::UsbSim()
{
    auto input = make_pipe();
    auto output = make_pipe();
    const std::string program = (binary_dir() / "tests" / "usbsim").string();
    std::vector<std::string> variables{"LD_PRELOAD=" + usb_preload()};
    for (const char* name : {"PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"})
        if (const char* value = std::getenv(name)) variables.push_back(std::string{name} + "=" + value);
    // GLib keeps what it has allocated for its types and threads.
    variables.push_back("LSAN_OPTIONS=suppressions=" +
                        (source_dir() / "tests/support/usbsim/lsan.supp").string() + ":print_suppressions=0");
    std::vector<char*> environment;
    for (auto& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    base::SpawnActions actions;
    ::posix_spawn_file_actions_adddup2(&actions.raw, input[0].get(), 0);
    ::posix_spawn_file_actions_adddup2(&actions.raw, output[1].get(), 1);
    std::string path = program;
    std::array<char*, 2> arguments{path.data(), nullptr};
    if (::posix_spawn(&pid_, program.c_str(), &actions.raw, nullptr, arguments.data(), environment.data()) !=
        0)
        throw std::runtime_error{"cannot start " + program};
    in_ = std::move(input[1]);
    out_ = std::move(output[0]);
    output[1].reset();
    root_ = read_line().at("root");
    ::setenv("UMOCKDEV_DIR", root_.c_str(), 1);
}

UsbSim::~UsbSim()
{
    in_.reset(); // the end of its commands
    ::waitpid(pid_, nullptr, 0);
}

std::map<std::string, std::string> UsbSim::environment() const
{
    return {{"LD_PRELOAD", usb_preload()}, {"UMOCKDEV_DIR", root_}};
}

nlohmann::json UsbSim::read_line()
{
    std::array<char, 4096> piece{};
    for (;;) {
        if (const auto end = unread_.find('\n'); end != std::string::npos) {
            const auto line = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            return nlohmann::json::parse(line);
        }
        const auto n = ::read(out_.get(), piece.data(), piece.size());
        if (n <= 0) throw std::runtime_error{"usbsim has ended"};
        unread_.append(piece.data(), static_cast<std::size_t>(n));
    }
}

nlohmann::json UsbSim::command(const std::string& line)
{
    const std::string text = line + "\n";
    if (!base::write_all(in_.get(), text)) throw std::runtime_error{"usbsim has ended"};
    auto reply = read_line();
    if (reply.contains("error")) throw std::runtime_error{line + ": " + reply["error"].get<std::string>()};
    return reply;
}

int UsbSim::counter(const std::string& name, const std::string& counter)
{
    return state(name).at("counters").value(counter, 0);
}

std::string UsbSim::taken(const std::string& name)
{
    const TempDir folder;
    const auto file = folder / "taken";
    command("dump " + name + " " + file.string());
    return read_file(file);
}

} // namespace agenthost::test
