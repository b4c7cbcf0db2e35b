// What the daemon costs when nothing happens: RSS with the storage plugin and one session against a node `ws` client with one, and
// the time from exec to READY.
#include "bench.hpp"
#include "load_server.hpp"
#include "support/support.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <cstring>
#include <thread>

using namespace agenthost;
using namespace agenthost::bench;

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    const std::string binary = argv[1];
    test::TempDir dir;
    Report report{"idle"};
    for (int round = 0; round < rounds(); ++round) {
        LoadServer server;
        const auto base = dir.path() / ("r" + std::to_string(round));
        std::filesystem::create_directories(base);
        test::write_file(base / "token", "bench-token\n");
        test::write_file(base / "agenthost.yaml",
                         "agent: {id: bench, state_dir: " + (base / "state").string() +
                             "}\nlog: {level: warning, format: text}\ncontrol: {socket: " +
                             (base / "control.sock").string() +
                             "}\nservers: [{name: bench, protocol: storage, url: 'ws://localhost:" +
                             std::to_string(server.port()) +
                             "/', credential: {file: token}}]\nplugins: {storage: {enabled: true, required: "
                             "true, config: {storage_path: " +
                             (base / "files").string() + ", reserve_free: 1MiB}}}\n");
        const auto path = (base / "notify.sock").string();
        const int notify = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        ::bind(notify, reinterpret_cast<sockaddr*>(&address), sizeof address);
        const double start = now_s();
        test::Process agent{
            {.argv = {binary + "/bin/agenthost", "run", "-c", (base / "agenthost.yaml").string()},
             .env = {{"NOTIFY_SOCKET", path}},
             .cwd = {},
             .input = {},
             .out = {},
             .err = {},
             .keep_fds = {}}};
        char text[512];
        for (;;) {
            const auto n = ::recv(notify, text, sizeof text, 0);
            if (n > 0 &&
                std::string_view{text, static_cast<std::size_t>(n)}.find("READY=1") != std::string_view::npos)
                break;
        }
        report.add("agenthost", "start to READY ms", (now_s() - start) * 1e3);
        ::close(notify);
        server.accept_websocket(true);
        server.exchange(
            1, 1, [](std::uint64_t, std::string& out) { out = R"({"action":"host.ping","request_id":"p"})"; },
            "success");
        std::this_thread::sleep_for(
            std::chrono::seconds{6}); // idle: what start-up needed has been given back
        report.add("agenthost", "RSS MiB", static_cast<double>(rss_kib(agent.pid())) / 1024);
        server.drop();

        LoadServer other;
        test::Process node{{.argv = {"node", (test::source_dir() / "tests/bench/peers/echo.js").string(),
                                     "ws://localhost:" + std::to_string(other.port()), ""},
                            .env = {{"NODE_PATH", "/usr/share/nodejs"}},
                            .cwd = {},
                            .input = {},
                            .out = {},
                            .err = {},
                            .keep_fds = {}}};
        other.accept_websocket(false);
        other.exchange(
            1, 1, [](std::uint64_t, std::string& out) { out = "hello"; }, "hello");
        std::this_thread::sleep_for(std::chrono::seconds{6});
        report.add("node ws client", "RSS MiB", static_cast<double>(rss_kib(node.pid())) / 1024);
    }
    report.ratio("idle RSS against a node ws client", "agenthost", "node ws client", "RSS MiB", 0.25, 0.15,
                 false);
    std::printf("start to READY: %.1f ms (must: 60)\n", report.value("agenthost", "start to READY ms"));
    report.print(binary + "/results");
}
