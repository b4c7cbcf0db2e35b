// Runs the command as a process of its own, against a daemon that says what a test wants.
#pragma once

#include "base/fd.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>

namespace agenthost::host::test {

using agenthost::test::Process;
using agenthost::test::Ran;
using agenthost::test::TempDir;
using agenthost::test::wait_for;
using agenthost::test::write_file;

// A unix socket that answers each connection's one request with raw bytes, then closes.
class FakeDaemon {
public:
    using Pieces = std::vector<std::string>; // sent one by one
    explicit FakeDaemon(const std::filesystem::path& socket,
                        std::function<Pieces(const std::string& request)> answer)
        : answer_{std::move(answer)}, listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_.get(), 16), 0);
        thread_ = std::thread{[this] { serve(); }};
    }
    ~FakeDaemon()
    {
        stop_ = true;
        ::shutdown(listener_.get(), SHUT_RDWR); // wakes accept
        thread_.join();
    }
    FakeDaemon(const FakeDaemon&) = delete;
    FakeDaemon& operator=(const FakeDaemon&) = delete;

    static Pieces json(int status, const std::string& body)
    {
        return {"HTTP/1.1 " + std::to_string(status) +
                " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body};
    }
    // One chunk a line.
    static Pieces lines(const std::vector<std::string>& lines)
    {
        Pieces out{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"};
        for (const std::string& line : lines) {
            char size[32];
            std::snprintf(size, sizeof size, "%zx\r\n", line.size() + 1);
            out.push_back(size + line + "\n\r\n");
        }
        out.emplace_back("0\r\n\r\n");
        return out;
    }

    std::vector<std::string> requests() const
    {
        const std::lock_guard lock{mutex_};
        return requests_;
    }
    std::atomic<bool> hold{false};  // after the last piece, wait for the other end to go
    std::atomic<int> peers_gone{0}; // connections that the command closed while held

private:
    void serve()
    {
        while (!stop_) {
            const base::Fd peer{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!peer) continue;
            std::string request;
            while (!complete(request)) {
                char buffer[4096];
                const ssize_t n = ::recv(peer.get(), buffer, sizeof buffer, 0);
                if (n <= 0) break;
                request.append(buffer, static_cast<std::size_t>(n));
            }
            {
                const std::lock_guard lock{mutex_};
                requests_.push_back(request);
            }
            for (const std::string& piece : answer_(request))
                (void)::send(peer.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
            if (!hold) continue;
            char byte = 0;
            pollfd p{peer.get(), POLLIN, 0};
            while (!stop_ && ::poll(&p, 1, 20) == 0) {}
            if (!stop_ && ::recv(peer.get(), &byte, 1, 0) <= 0)
                ++peers_gone; // ECONNRESET: it had not read all
        }
    }
    static bool complete(const std::string& request)
    {
        const auto end = request.find("\r\n\r\n");
        if (end == std::string::npos) return false;
        const auto length = request.find("Content-Length: ");
        return length == std::string::npos ||
               request.size() >= end + 4 + std::stoul(request.substr(length + 16));
    }

    std::function<Pieces(const std::string&)> answer_;
    base::Fd listener_;
    std::thread thread_;
    std::atomic<bool> stop_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
};

struct Command : testing::Test {
    TempDir dir;
    std::filesystem::path socket = dir / "s";
    std::filesystem::path config = dir / "agenthost.yaml";
    std::filesystem::path plugins = dir / "plugins";

    void SetUp() override
    {
        std::filesystem::create_directory(plugins);
        std::filesystem::permissions(plugins, std::filesystem::perms{0755});
        write_file(config, "agent: {state_dir: state, plugin_path: [plugins]}\n");
    }

    static std::string self() { return std::filesystem::read_symlink("/proc/self/exe").string(); }
    static std::map<std::string, std::string> environment(std::map<std::string, std::string> more = {})
    {
        more["AGENTHOST_TEST_CLI"] = "1";
        return more;
    }
    // Without the options that name the socket and the file.
    static Ran bare(std::vector<std::string> args, std::map<std::string, std::string> env = {},
                    std::string input = {})
    {
        args.insert(args.begin(), self());
        return agenthost::test::run(std::move(args), environment(std::move(env)), std::move(input));
    }
    Ran run(std::vector<std::string> args, std::string input = {})
    {
        std::vector<std::string> all{"--control-socket", socket, "-c", config};
        all.insert(all.end(), args.begin(), args.end());
        return bare(std::move(all), {}, std::move(input));
    }
    // Against a daemon with one answer.
    Ran against(FakeDaemon::Pieces answer, std::vector<std::string> args, std::string input = {})
    {
        FakeDaemon daemon{socket, [&](const std::string& request) {
                              asked = request;
                              return answer;
                          }};
        Ran ran = run(std::move(args), std::move(input));
        std::filesystem::remove(socket);
        return ran;
    }
    std::string asked; // the last request
};

} // namespace agenthost::host::test
