// Dispatch of an inline echo plugin through the whole host (session, codec, schema, plugin, codec, send queue) against named peers that
// only send a message back: plain Beast, node `ws`, and a raw TCP ping-pong for the latency's floor. Each peer is a process of its own.
#include "bench.hpp"
#include "load_server.hpp"
#include "support/support.hpp"

#include <cstdio>
#include <cstring>

using namespace agenthost;
using namespace agenthost::bench;

namespace {

const std::string_view params =
    R"("file_info":{"id":"file_555","name":"document.pdf","owner_id":"user_1","size":102400},)"
    R"("download_url":"https://server.example.com/api/temp/download/tok123"})";

// About 200 bytes, as the storage protocol writes an upload.
void frame(std::string_view action, std::uint64_t run, std::uint64_t i, std::string& out)
{
    char head[96];
    const int n = std::snprintf(head, sizeof head, R"({"action":"%.*s","request_id":"r%04x-%08llx",)",
                                static_cast<int>(action.size()), action.data(), static_cast<unsigned>(run),
                                static_cast<unsigned long long>(i));
    out.append(head, static_cast<std::size_t>(n)).append(params);
}

struct Agent {
    Agent(const test::TempDir& dir, const std::string& binary, int port, bool tls, const std::string& ca,
          const std::string& name)
    {
        const auto base = dir.path() / name;
        std::filesystem::create_directories(base);
        test::write_file(base / "token", "bench-token\n");
        test::write_file(
            base / "agenthost.yaml",
            "agent: {id: bench, state_dir: " + (base / "state").string() + ", plugin_path: [" + binary +
                "/bench/plugins]}\n" + "log: {level: warning, format: text}\ncontrol: {socket: " +
                (base / "control.sock").string() + "}\n" + "limits: {messages_per_second: 0}\n" +
                "servers: [{name: bench, protocol: storage, url: '" + (tls ? "wss" : "ws") +
                "://localhost:" + std::to_string(port) + "/', credential: {file: token}, allow: ['echo.*']" +
                (tls ? ", tls: {ca: '" + ca + "'}" : std::string{}) + "}]\n" +
                "plugins: {echo: {enabled: true, required: true}}\n");
        process = std::make_unique<test::Process>(test::Process::Options{
            .argv = {binary + "/bin/agenthost", "run", "-c", (base / "agenthost.yaml").string()},
            .env = {},
            .cwd = {},
            .input = {},
            .out = {},
            .err = {},
            .keep_fds = {}});
    }
    std::unique_ptr<test::Process> process;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc < 3) return 2;
    const std::string binary = argv[1], peers = argv[2];
    const std::uint64_t burst = 200'000, single = 20'000, journalled = 20'000;
    test::TempDir dir;
    const auto cert = (dir / "cert.pem").string(), key = (dir / "key.pem").string();
    test::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
               key, "-out", cert});
    Report report{"dispatch"};
    unsigned run_id = 0;
    std::uint64_t bad = 0;

    const auto measure = [&](LoadServer& server, pid_t pid, const std::string& subject,
                             std::string_view action, std::string_view expect, std::uint64_t n,
                             unsigned window) {
        const auto id = ++run_id;
        const auto make = [&](std::uint64_t i, std::string& out) { frame(action, id, i, out); };
        server.exchange(
            n / 20, window, [&](std::uint64_t i, std::string& out) { frame(action, id + 0x8000, i, out); },
            expect); // warm
        const double before = cpu_s(pid);
        auto got = server.exchange(n, window, make, expect);
        const double cpu = cpu_s(pid) - before;
        bad += got.bad;
        if (window == 1) {
            report.add(subject, "p50 us", percentile(got.latencies_us, 50));
            report.add(subject, "p99 us", percentile(got.latencies_us, 99));
        } else {
            report.add(subject, "k msg/s", static_cast<double>(n) / got.seconds / 1e3);
            report.add(subject, "CPU us/msg", cpu / static_cast<double>(n) * 1e6);
        }
    };

    for (int round = 0; round < rounds(); ++round) {
        for (const bool tls : {false, true}) {
            const std::string suffix = tls ? " TLS" : "";
            LoadServer server{tls ? cert : "", tls ? key : ""};
            const auto port = std::to_string(server.port());
            {
                Agent agent{dir, binary, server.port(),
                            tls, cert,   "a" + std::to_string(round) + (tls ? "t" : "p")};
                try {
                    server.accept_websocket(true);
                } catch (const std::exception& e) {
                    std::fprintf(stderr, "agenthost did not connect: %s\n%s\n", e.what(),
                                 agent.process->err().c_str());
                    return 1;
                }
                measure(server, agent.process->pid(), "agenthost" + suffix, "echo", "\"success\"", burst, 64);
                measure(server, agent.process->pid(), "agenthost" + suffix, "echo", "\"success\"", single, 1);
                if (!tls)
                    measure(server, agent.process->pid(), "agenthost journalled", "echo.write", "\"success\"",
                            journalled, 64);
                server.drop();
            }
            {
                test::Process beast{
                    {.argv = tls ? std::vector<std::string>{peers + "/beast_echo", "localhost", port, cert}
                                 : std::vector<std::string>{peers + "/beast_echo", "localhost", port},
                     .env = {},
                     .cwd = {},
                     .input = {},
                     .out = {},
                     .err = {},
                     .keep_fds = {}}};
                server.accept_websocket(false);
                measure(server, beast.pid(), "plain Beast echo" + suffix, "echo", "file_555", burst, 64);
                measure(server, beast.pid(), "plain Beast echo" + suffix, "echo", "file_555", single, 1);
                server.drop();
            }
            {
                const std::string url = (tls ? "wss://localhost:" : "ws://localhost:") + port;
                test::Process node{
                    {.argv = {"node", (test::source_dir() / "tests/bench/peers/echo.js").string(), url,
                              tls ? cert : ""},
                     .env = {{"NODE_PATH", "/usr/share/nodejs"}},
                     .cwd = {},
                     .input = {},
                     .out = {},
                     .err = {},
                     .keep_fds = {}}};
                server.accept_websocket(false);
                measure(server, node.pid(), "node ws echo" + suffix, "echo", "file_555", burst, 64);
                measure(server, node.pid(), "node ws echo" + suffix, "echo", "file_555", single, 1);
                server.drop();
            }
            if (!tls) {
                test::Process raw{{.argv = {peers + "/ping_pong", port},
                                   .env = {},
                                   .cwd = {},
                                   .input = {},
                                   .out = {},
                                   .err = {},
                                   .keep_fds = {}}};
                server.accept_raw();
                server.ping_pong_raw(1000, 200);
                auto got = server.ping_pong_raw(single, 200);
                report.add("raw TCP ping-pong", "p50 us", percentile(got.latencies_us, 50));
                report.add("raw TCP ping-pong", "p99 us", percentile(got.latencies_us, 99));
                server.drop();
            }
        }
    }
    report.ratio("64 in flight, msg/s, against plain Beast echo", "agenthost", "plain Beast echo", "k msg/s",
                 2.0, 3.0, true);
    report.ratio("64 in flight, CPU, plain Beast echo over ours", "plain Beast echo", "agenthost",
                 "CPU us/msg", 2.0, 3.0, true);
    report.ratio("64 in flight over TLS, msg/s, against node ws", "agenthost TLS", "node ws echo TLS",
                 "k msg/s", 0.9, 1.2, true);
    report.ratio("sequential p50, against raw TCP ping-pong", "agenthost", "raw TCP ping-pong", "p50 us",
                 1.25, 1.10, false);
    report.note("Each message about 200 bytes of JSON; peers send the frame back, agenthost decodes, checks "
                "the params against a schema of "
                "storage.upload's size, runs the plugin and encodes a response.");
    if (bad)
        std::fprintf(stderr, "%llu answers were not what was expected\n",
                     static_cast<unsigned long long>(bad));
    report.print(binary + "/results");
    return bad ? 1 : 0;
}
