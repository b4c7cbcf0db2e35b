// What the daemon costs when nothing happens: RSS with the storage plugin and one session against a node `ws`
// client with one, and the time from exec to READY.
#include "base/fd.hpp"
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

namespace {

// Where a service manager would hear of READY=1.
class NotifySocket {
public:
    explicit NotifySocket(std::string path) : path_{std::move(path)}
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    [[nodiscard]] const std::string& path() const { return path_; }
    void wait_ready() const
    {
        char text[512];
        for (;;) {
            const auto n = ::recv(fd_.get(), text, sizeof text, 0);
            if (n > 0 &&
                std::string_view{text, static_cast<std::size_t>(n)}.find("READY=1") != std::string_view::npos)
                return;
        }
    }

private:
    const std::string path_;
    base::Fd fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

// RSS after six idle seconds, when what start-up needed has been given back.
double idle_rss_mib(const test::Process& process)
{
    std::this_thread::sleep_for(std::chrono::seconds{6});
    return static_cast<double>(rss_kib(process.pid())) / 1024;
}

void measure_agenthost(Report& report, const std::string& binary, const std::filesystem::path& base)
{
    LoadServer server;
    std::filesystem::create_directories(base);
    test::write_file(base / "token", "bench-token\n");
    test::write_file(
        base / "agenthost.yaml",
        "agent: {id: bench, state_dir: " + (base / "state").string() +
            "}\nlog: {level: warning, format: text}\ncontrol: {socket: " + (base / "control.sock").string() +
            "}\nservers: [{name: bench, protocol: storage, url: 'ws://localhost:" +
            std::to_string(server.port()) +
            "/', credential: {file: token}}]\nplugins: {storage: {enabled: true, required: "
            "true, config: {storage_path: " +
            (base / "files").string() + ", reserve_free: 1MiB}}}\n");
    const NotifySocket notify{(base / "notify.sock").string()};
    const double start = now_s();
    const test::Process agent{
        {.argv = {binary + "/bin/agenthost", "run", "-c", (base / "agenthost.yaml").string()},
         .env = {{"NOTIFY_SOCKET", notify.path()}}}};
    notify.wait_ready();
    report.add("agenthost", "start to READY ms", (now_s() - start) * 1e3);
    server.accept_websocket(true);
    server.exchange(
        1, 1, [](std::uint64_t, std::string& out) { out = R"({"action":"host.ping","request_id":"p"})"; },
        "success");
    report.add("agenthost", "RSS MiB", idle_rss_mib(agent));
    server.drop();
}

void measure_node(Report& report)
{
    LoadServer server;
    const test::Process node{{.argv = {"node", (test::source_dir() / "tests/bench/peers/echo.js").string(),
                                       "ws://localhost:" + std::to_string(server.port()), ""},
                              .env = {{"NODE_PATH", "/usr/share/nodejs"}}}};
    server.accept_websocket(false);
    server.exchange(
        1, 1, [](std::uint64_t, std::string& out) { out = "hello"; }, "hello");
    report.add("node ws client", "RSS MiB", idle_rss_mib(node));
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    const std::string binary = argv[1];
    test::TempDir dir;
    Report report{"idle"};
    for (int round = 0; round < rounds(); ++round) {
        measure_agenthost(report, binary, dir.path() / ("r" + std::to_string(round)));
        measure_node(report);
    }
    report.ratio("idle RSS against a node ws client", "agenthost", "node ws client", "RSS MiB", 0.25, 0.15,
                 false);
    std::printf("start to READY: %.1f ms (must: 60)\n", report.value("agenthost", "start to READY ms"));
    report.print(binary + "/results");
}
