// Dispatch of an inline echo plugin through the whole host (session, codec, schema, plugin, codec, send
// queue) against named peers that only send a message back: plain Beast, node `ws`, and a raw TCP ping-pong
// for the latency's floor. Each peer is a process of its own.
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
            .argv = {binary + "/bin/agenthost", "run", "-c", (base / "agenthost.yaml").string()}});
    }
    std::unique_ptr<test::Process> process;
};

// Every peer, in every round: one server to send from, one process that answers.
class DispatchBench {
public:
    DispatchBench(std::string binary, std::string peers)
        : binary_{std::move(binary)}, peers_{std::move(peers)}
    {
        test::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                   "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                   "subjectAltName=DNS:localhost", "-keyout", key_, "-out", certificate_});
    }

    // False: agenthost did not connect.
    bool measure(int round, bool tls)
    {
        const std::string suffix = tls ? " TLS" : "";
        LoadServer server{tls ? certificate_ : "", tls ? key_ : ""};
        const auto port = std::to_string(server.port());
        if (!measure_agenthost(server, tls, "a" + std::to_string(round) + (tls ? "t" : "p"))) return false;
        std::vector<std::string> beast{peers_ + "/beast_echo", "localhost", port};
        if (tls) beast.push_back(certificate_);
        measure_echo(server, "plain Beast echo" + suffix, {.argv = std::move(beast)});
        const std::string url = (tls ? "wss://localhost:" : "ws://localhost:") + port;
        measure_echo(server, "node ws echo" + suffix,
                     {.argv = {"node", (test::source_dir() / "tests/bench/peers/echo.js").string(), url,
                               tls ? certificate_ : ""},
                      .env = {{"NODE_PATH", "/usr/share/nodejs"}}});
        if (!tls) measure_raw(server, port);
        return true;
    }

    // Adds the ratios to the report and prints it. True: every answer was as expected.
    bool print()
    {
        report_.ratio("64 in flight, msg/s, against plain Beast echo", "agenthost", "plain Beast echo",
                      "k msg/s", 2.0, 3.0, true);
        report_.ratio("64 in flight, CPU, plain Beast echo over ours", "plain Beast echo", "agenthost",
                      "CPU us/msg", 2.0, 3.0, true);
        report_.ratio("64 in flight over TLS, msg/s, against node ws", "agenthost TLS", "node ws echo TLS",
                      "k msg/s", 0.9, 1.2, true);
        report_.ratio("sequential p50, against raw TCP ping-pong", "agenthost", "raw TCP ping-pong", "p50 us",
                      1.25, 1.10, false);
        report_.note("Each message about 200 bytes of JSON; peers send the frame back, agenthost decodes, "
                     "checks the params against a schema of storage.upload's size, runs the plugin and "
                     "encodes a response.");
        if (bad_ != 0)
            std::fprintf(stderr, "%llu answers were not what was expected\n",
                         static_cast<unsigned long long>(bad_));
        report_.print(binary_ + "/results");
        return bad_ == 0;
    }

private:
    bool measure_agenthost(LoadServer& server, bool tls, const std::string& name)
    {
        const std::string suffix = tls ? " TLS" : "";
        const Agent agent{dir_, binary_, server.port(), tls, certificate_, name};
        try {
            server.accept_websocket(true);
        } catch (const std::exception& e) {
            std::fprintf(stderr, "agenthost did not connect: %s\n%s\n", e.what(),
                         agent.process->err().c_str());
            return false;
        }
        const pid_t pid = agent.process->pid();
        exchange(server, pid, "agenthost" + suffix, "echo", "\"success\"", burst, 64);
        exchange(server, pid, "agenthost" + suffix, "echo", "\"success\"", single, 1);
        if (!tls) exchange(server, pid, "agenthost journalled", "echo.write", "\"success\"", journalled, 64);
        server.drop();
        return true;
    }

    void measure_echo(LoadServer& server, const std::string& subject, test::Process::Options options)
    {
        const test::Process peer{std::move(options)};
        server.accept_websocket(false);
        exchange(server, peer.pid(), subject, "echo", "file_555", burst, 64);
        exchange(server, peer.pid(), subject, "echo", "file_555", single, 1);
        server.drop();
    }

    void measure_raw(LoadServer& server, const std::string& port)
    {
        const test::Process raw{{.argv = {peers_ + "/ping_pong", port}}};
        server.accept_raw();
        server.ping_pong_raw(1000, 200);
        auto got = server.ping_pong_raw(single, 200);
        report_.add("raw TCP ping-pong", "p50 us", percentile(got.latencies_us, 50));
        report_.add("raw TCP ping-pong", "p99 us", percentile(got.latencies_us, 99));
        server.drop();
    }

    // Sends `n` messages, `window` of them in flight, to the process `pid`, after a twentieth as many to warm
    // it up.
    void exchange(LoadServer& server, pid_t pid, const std::string& subject, std::string_view action,
                  std::string_view expect, std::uint64_t n, unsigned window)
    {
        const auto id = ++run_;
        server.exchange(
            n / 20, window, [&](std::uint64_t i, std::string& out) { frame(action, id + 0x8000, i, out); },
            expect);
        const double before = cpu_s(pid);
        auto got = server.exchange(
            n, window, [&](std::uint64_t i, std::string& out) { frame(action, id, i, out); }, expect);
        const double cpu = cpu_s(pid) - before;
        bad_ += got.bad;
        if (window == 1) {
            report_.add(subject, "p50 us", percentile(got.latencies_us, 50));
            report_.add(subject, "p99 us", percentile(got.latencies_us, 99));
        } else {
            report_.add(subject, "k msg/s", static_cast<double>(n) / got.seconds / 1e3);
            report_.add(subject, "CPU us/msg", cpu / static_cast<double>(n) * 1e6);
        }
    }

    static constexpr std::uint64_t burst = 200'000, single = 20'000, journalled = 20'000;
    const std::string binary_, peers_;
    test::TempDir dir_;
    const std::string certificate_ = (dir_ / "cert.pem").string(), key_ = (dir_ / "key.pem").string();
    Report report_{"dispatch"};
    unsigned run_ = 0;
    std::uint64_t bad_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc < 3) return 2;
    DispatchBench bench{argv[1], argv[2]};
    for (int round = 0; round < rounds(); ++round)
        for (const bool tls : {false, true})
            if (!bench.measure(round, tls)) return 1;
    return bench.print() ? 0 : 1;
}
