// A start that fails ends at once, whichever step it was; a stop ends though nobody reads the log.
#include "../support/daemon.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace agenthost::test;
using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

// Five seconds was the wait for a loop that nobody runs, and two of them came in a row.
constexpr auto at_once = 4s;

struct FailedStart {
    std::string name;
    std::string yaml;                                             // {dir}, {port}
    std::function<void(const std::filesystem::path& dir)> before; // with the daemon's folder
    std::string says;
};

class Starts : public testing::TestWithParam<FailedStart> {};

int listening_socket(int& port)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd, 1), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    return fd;
}

TEST_P(Starts, FailAtOnce)
{
    TempDir dir;
    int port = 0;
    const int taken = listening_socket(port);
    auto yaml = GetParam().yaml;
    for (const auto& [word, value] : {std::pair<std::string, std::string>{"{port}", std::to_string(port)},
                                      {"{dir}", dir.path().string()}})
        for (auto at = yaml.find(word); at != yaml.npos; at = yaml.find(word))
            yaml.replace(at, word.size(), value);
    if (GetParam().before) GetParam().before(dir.path());
    const auto file = dir / "agenthost.yaml";
    write_file(file, yaml);
    const auto began = std::chrono::steady_clock::now();
    Process daemon{{.argv = {program("agenthost").string(), "run", "-c", file.string()}}};
    const auto code = daemon.wait();
    const auto took = std::chrono::steady_clock::now() - began;
    ::close(taken);
    ASSERT_TRUE(code) << daemon.err();
    EXPECT_TRUE(*code == 1 || *code == 78) << *code << daemon.err();
    EXPECT_THAT(daemon.err(), HasSubstr(GetParam().says));
    EXPECT_LT(took, at_once) << daemon.err();
    EXPECT_FALSE(std::filesystem::exists(dir / "c.sock")) << "the socket file is gone too";
}

const std::string base = "agent: {id: n, state_dir: '{dir}/state'}\ncontrol: {socket: '{dir}/c.sock'}\n";
const std::string listener =
    "listeners: [{name: a, bind: '127.0.0.1:0'}, {name: b, bind: '127.0.0.1:{port}'}]\n";

INSTANTIATE_TEST_SUITE_P(
    EachStep, Starts,
    testing::Values(
        FailedStart{"Configuration", base + "journal: {rowz: 1}\n", {}, "rowz"},
        FailedStart{"StateDirectory", base, [](const auto& dir) { write_file(dir / "state", "a file"); },
                    "state"},
        FailedStart{"Audit", base + "audit: {file: '{dir}/none/audit.jsonl'}\n", {}, "audit.file"},
        FailedStart{"Journal", base,
                    [](const auto& dir) {
                        std::filesystem::create_directory(dir / "state");
                        std::filesystem::permissions(dir / "state", std::filesystem::perms::owner_all);
                        write_file(dir / "state" / "journal.db", std::string(8192, 'x'));
                    },
                    "damaged"},
        FailedStart{"Listener", base + listener, {}, "the port is in use"},
        FailedStart{
            "ListenerOfMoreThreads",
            "agent: {id: n, state_dir: '{dir}/state', io_threads: 3}\ncontrol: {socket: '{dir}/c.sock'}\n" +
                listener,
            {},
            "the port is in use"},
        FailedStart{"Tls",
                    base +
                        "listeners: [{name: b, bind: '127.0.0.1:0', tls: {certificate: '{dir}/c.pem', key: "
                        "'{dir}/k.pem'}}]\n",
                    [](const auto& dir) {
                        write_file(dir / "c.pem", "no certificate\n");
                        write_file(dir / "k.pem", "no key\n");
                    },
                    "c.pem"},
        FailedStart{"ControlSocket",
                    "agent: {id: n, state_dir: '{dir}/state'}\ncontrol: {socket: '{dir}/not-a-socket'}\n"
                    "listeners: [{name: a, bind: '127.0.0.1:0'}]\n",
                    [](const auto& dir) { write_file(dir / "not-a-socket", "a file"); }, "not a socket"},
        FailedStart{"Metrics", base + "metrics: {bind: '127.0.0.1:{port}'}\n", {}, "the port is in use"},
        FailedStart{
            "RequiredPlugin", base + "plugins: {nosuch: {enabled: true, required: true}}\n", {}, "nosuch"}),
    [](const auto& info) { return info.param.name; });

TEST(FailedPlugins, AreLoggedOnce)
{
    for (const std::string required : {"true", "false"}) {
        Daemon daemon{{.yaml = "plugins:\n  nosuch: {enabled: true, required: " + required +
                               "}\n  storage: {enabled: true, config: {storage_path: '/dev/null/files'}}\n"}};
        EXPECT_EQ(daemon.wait_ready(), required == "false") << daemon.log();
        if (required == "false") {
            EXPECT_EQ(daemon.cli({"health"}).code, 1); // asked, and gathered, and still said once
            EXPECT_EQ(daemon.stop(), 0);
        }
        ASSERT_TRUE(wait_for([&] { return !daemon.running(); }));
        for (const std::string why : {"no nosuch.manifest.json lies", "/dev/null/files"}) {
            const auto log = daemon.log();
            const auto at = log.find(why);
            ASSERT_NE(at, log.npos) << why << log;
            EXPECT_EQ(log.find(why, log.find('\n', at)), log.npos) << why << " is said twice:\n" << log;
        }
    }
}

TEST(Stops, WhileNobodyReadsTheLog)
{
    TempDir dir;
    const auto fifo = (dir / "stderr").string();
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const int reader = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK); // both ends: it never reads
    ASSERT_GE(reader, 0);
    const std::string some(4096, 'x');
    while (::write(reader, some.data(), some.size()) > 0) {}
    Daemon daemon{{.yaml = "", .wrapper = {"sh", "-c", "exec \"$@\" 2>'" + fifo + "'", "sh"}}};
    ASSERT_TRUE(daemon.wait_ready());
    for (int i = 0; i < 20; ++i) daemon.call("host.ping"); // debug lines
    EXPECT_EQ(daemon.stop(), 0) << "SIGTERM ends it, cleanly";
    ::close(reader);
}

} // namespace
