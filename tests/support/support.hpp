// What tests share: a temporary directory, a child process, waiting on a condition. No test sleeps for a
// result: it waits_for it.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace agenthost::test {

// How long a condition may take before a test gives up. Generous: sanitizers, 2 cores, parallel runs.
constexpr std::chrono::seconds max_wait{60};

// Polls every few ms until true or `max_wait` has passed; returns what the condition said last.
bool wait_for(const std::function<bool()>& condition, std::chrono::milliseconds timeout = max_wait);

// 0700 under $TMPDIR or /tmp; removed at the end.
class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

void write_file(const std::filesystem::path&, std::string_view content, int mode = 0600);
std::string read_file(const std::filesystem::path&);

// A child process with its output in files; killed and reaped by the destructor.
class Process {
public:
    struct Options {
        std::vector<std::string> argv; // argv[0] is looked up in PATH
        std::map<std::string, std::string> env;
        std::filesystem::path cwd;
        std::string input;              // standard input, at most a pipe's capacity
        std::filesystem::path out, err; // default: files of its own, kept for output()
        std::vector<int> keep_fds;      // inherited under the same number
    };
    explicit Process(Options);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    void signal(int sig) const;
    // The exit code, 128 + signal, or nullopt when it still runs after `timeout`.
    std::optional<int> wait(std::chrono::milliseconds timeout = max_wait);
    [[nodiscard]] bool running();
    [[nodiscard]] std::string out() const;
    [[nodiscard]] std::string err() const;

private:
    pid_t pid_ = -1;
    std::optional<int> code_;
    TempDir dir_;
    std::filesystem::path out_, err_;
};

// Runs to the end. code -1: it did not end in time.
struct Ran {
    int code = -1;
    std::string out, err;
};
Ran run(std::vector<std::string> argv, std::map<std::string, std::string> env = {}, std::string input = {});

// A loopback TCP port nobody listens on now. Racy by nature: only for programs that cannot bind port 0
// (nginx); retry on failure.
int free_port();

// The build tree: program("agenthost"), plugin_dir().
std::filesystem::path binary_dir();
std::filesystem::path source_dir();
std::filesystem::path program(std::string_view name);
std::filesystem::path plugin_dir();

std::string sha256_hex(std::string_view);
std::string random_bytes(std::size_t n, unsigned seed);

} // namespace agenthost::test
