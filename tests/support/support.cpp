#include "support.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/sha.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace agenthost::test {

bool wait_for(const std::function<bool()>& condition, std::chrono::milliseconds timeout)
{
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return condition();
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

TempDir::TempDir()
{
    const char* base = std::getenv("TMPDIR");
    std::string name = std::string{base && *base ? base : "/tmp"} + "/agenthost-test-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error{"mkdtemp " + name + ": " + std::strerror(errno)};
    path_ = name;
}

TempDir::~TempDir()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::filesystem::path& path, std::string_view content, int mode)
{
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) throw std::runtime_error{"open " + path.string() + ": " + std::strerror(errno)};
    while (!content.empty()) {
        const ssize_t n = ::write(fd, content.data(), content.size());
        if (n < 0) {
            ::close(fd);
            throw std::runtime_error{"write " + path.string() + ": " + std::strerror(errno)};
        }
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    ::fchmod(fd, static_cast<mode_t>(mode)); // whatever the umask
    ::close(fd);
}

std::string read_file(const std::filesystem::path& path)
{
    std::ifstream in{path, std::ios::binary};
    try {
        return {std::istreambuf_iterator<char>{in}, {}};
    } catch (
        const std::ios_base::
            failure&) { // of a process below /proc that has ended meanwhile: as if it had never been there
        return {};
    }
}

Process::Process(Options options) : out_{std::move(options.out)}, err_{std::move(options.err)}
{
    if (out_.empty()) out_ = dir_ / "out";
    if (err_.empty()) err_ = dir_ / "err";
    const auto in = dir_ / "in";
    write_file(in, options.input);

    // A shell-free wrapper cannot chdir through posix_spawn portably, so fork is used; only async-signal-safe
    // calls follow it.
    std::vector<char*> argv;
    for (auto& a : options.argv) argv.push_back(a.data());
    argv.push_back(nullptr);
    std::vector<std::string> env_text;
    for (char** e = environ; *e; ++e) {
        const std::string_view entry{*e};
        if (!options.env.contains(std::string{entry.substr(0, entry.find('='))}))
            env_text.emplace_back(entry);
    }
    for (const auto& [k, v] : options.env) env_text.push_back(k + "=" + v);
    std::vector<char*> env;
    for (auto& e : env_text) env.push_back(e.data());
    env.push_back(nullptr);

    const int fd_in = ::open(in.c_str(), O_RDONLY | O_CLOEXEC);
    const int fd_out = ::open(out_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int fd_err = ::open(err_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(fd_in, 0);
        ::dup2(fd_out, 1);
        ::dup2(fd_err, 2);
        for (int fd : options.keep_fds) ::fcntl(fd, F_SETFD, 0);
        if (!options.cwd.empty() && ::chdir(options.cwd.c_str()) != 0) ::_exit(126);
        ::execvpe(argv[0], argv.data(), env.data());
        ::_exit(127);
    }
    for (int fd : {fd_in, fd_out, fd_err}) ::close(fd);
    if (pid_ < 0) throw std::runtime_error{std::string{"fork: "} + std::strerror(errno)};
}

Process::~Process()
{
    if (!code_ && pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

void Process::signal(int sig) const
{
    if (!code_ && pid_ > 0) ::kill(pid_, sig);
}

std::optional<int> Process::wait(std::chrono::milliseconds timeout)
{
    wait_for([this] { return !running(); }, timeout);
    return code_;
}

bool Process::running()
{
    if (code_) return false;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return false;
    }
    return true;
}

std::string Process::out() const { return read_file(out_); }
std::string Process::err() const { return read_file(err_); }

Ran run(std::vector<std::string> argv, std::map<std::string, std::string> env, std::string input)
{
    Process process{{.argv = std::move(argv), .env = std::move(env), .input = std::move(input)}};
    Ran ran;
    ran.code = process.wait().value_or(-1);
    ran.out = process.out();
    ran.err = process.err();
    return ran;
}

int free_port()
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(fd);
    return ntohs(address.sin_port);
}

std::filesystem::path binary_dir()
{
    const char* other = std::getenv("AGENTHOST_BUILD"); // an installed or copied build tree
    return other && *other ? other : AGENTHOST_TEST_BINARY_DIR;
}
std::filesystem::path source_dir() { return AGENTHOST_TEST_SOURCE_DIR; }
std::filesystem::path program(std::string_view name) { return binary_dir() / "bin" / name; }
std::filesystem::path plugin_dir() { return binary_dir() / "lib/agenthost/plugins-1"; }

std::string sha256_hex(std::string_view data)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    ::SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest);
    static constexpr char hex[] = "0123456789abcdef";
    std::string text;
    for (unsigned char c : digest) {
        text += hex[c >> 4];
        text += hex[c & 15];
    }
    return text;
}

std::string random_bytes(std::size_t n, unsigned seed)
{
    std::mt19937_64 engine{seed};
    std::string text(n, '\0');
    for (std::size_t i = 0; i < n; i += 8) {
        const auto value = engine();
        std::memcpy(text.data() + i, &value, std::min<std::size_t>(8, n - i));
    }
    return text;
}

} // namespace agenthost::test
