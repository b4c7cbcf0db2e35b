// Storage transfers against curl, from and to a real nginx on loopback: CPU of the whole daemon, wall, peak RSS.
#include "bench.hpp"
#include "support/support.hpp"

#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>

using namespace agenthost;
using namespace agenthost::bench;
using json = nlohmann::json;

namespace {

struct Nginx {
    Nginx(const test::TempDir& dir, const std::string& root, const std::string& cert, const std::string& key)
        : plain{test::free_port()}, tls{test::free_port()}
    {
        const auto base = dir.path() / "nginx";
        std::filesystem::create_directories(base);
        test::write_file(base / "nginx.conf",
                         "worker_processes 1; daemon off; pid " + (base / "pid").string() + "; error_log " +
                             (base / "error.log").string() + ";\n" + (::getuid() == 0 ? "user root;\n" : "") +
                             "events { worker_connections 64; }\nhttp { access_log off; sendfile on; "
                             "client_max_body_size 0; "
                             "client_body_temp_path " +
                             (base / "body").string() + "; proxy_temp_path " + (base / "p").string() +
                             "; fastcgi_temp_path " + (base / "f").string() + "; uwsgi_temp_path " +
                             (base / "u").string() + "; scgi_temp_path " + (base / "s").string() +
                             ";\n server { listen 127.0.0.1:" + std::to_string(plain) +
                             "; listen 127.0.0.1:" + std::to_string(tls) + " ssl; ssl_certificate " + cert +
                             "; ssl_certificate_key " + key + "; root " + root + "; location /get/ { alias " +
                             root + "/; } location /put/ { dav_methods PUT; alias " + root +
                             "/put/; } } }\n");
        process = std::make_unique<test::Process>(test::Process::Options{
            .argv = {"nginx", "-e", (base / "error.log").string(), "-c", (base / "nginx.conf").string()},
            .env = {},
            .cwd = {},
            .input = {},
            .out = {},
            .err = {},
            .keep_fds = {}});
        test::wait_for([&] {
            return test::run(
                       {"curl", "-s", "-o", "/dev/null", "http://127.0.0.1:" + std::to_string(plain) + "/"})
                       .code == 0;
        });
    }
    ~Nginx()
    {
        process->signal(SIGTERM); // the master takes its workers along
        process->wait();
    }
    int plain, tls;
    std::unique_ptr<test::Process> process;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    const std::string binary = argv[1];
    // Trust of this machine's installation, for both: a bundle named there is read whole by us, and never by curl with --cacert.
    for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"}) ::unsetenv(name);
    const char* mib_text = std::getenv("BENCH_MIB");
    const std::uint64_t mib = mib_text ? std::strtoull(mib_text, nullptr, 10) : 1024;
    test::TempDir dir;
    const auto cert = (dir / "cert.pem").string(), key = (dir / "key.pem").string();
    test::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
               key, "-out", cert});
    const auto root = dir / "root";
    std::filesystem::create_directories(root / "put");
    const auto file = (root / "file.bin").string();
    if (test::run({"sh", "-c", "head -c " + std::to_string(mib << 20) + " /dev/urandom > " + file}).code != 0)
        return 1;
    Nginx nginx{dir, root.string(), cert, key};

    Report report{"storage"};
    int failures = 0;
    const auto agent = [&](const std::string& checksum) {
        const auto base = dir.path() / ("agent-" + checksum);
        std::filesystem::create_directories(base);
        test::write_file(base / "agenthost.yaml",
                         "agent: {id: bench, state_dir: " + (base / "state").string() +
                             "}\nlog: {level: warning, format: text}\ncontrol: {socket: " +
                             (base / "control.sock").string() +
                             "}\nplugins: {storage: {enabled: true, required: true, config: {storage_path: " +
                             (base / "files").string() + ", reserve_free: 1MiB, checksum: " + checksum +
                             ", allow_hosts: [localhost, 127.0.0.1], allow_private_networks: true, tls_ca: " +
                             cert + "}}}\n");
        return base;
    };
    struct Daemon {
        std::filesystem::path base;
        std::unique_ptr<test::Process> process;
    };
    const auto start = [&](const std::filesystem::path& base) {
        Daemon d{base,
                 std::make_unique<test::Process>(test::Process::Options{
                     .argv = {binary + "/bin/agenthost", "run", "-c", (base / "agenthost.yaml").string()},
                     .env = {},
                     .cwd = {},
                     .input = {},
                     .out = {},
                     .err = {},
                     .keep_fds = {}})};
        test::wait_for([&] {
            return test::run({binary + "/bin/agenthost", "--control-socket", (base / "control.sock").string(),
                              "call", "host.ping"})
                       .code == 0;
        });
        return d;
    };
    const auto call = [&](Daemon& d, const std::string& subject, const std::string& action,
                          const json& params) {
        // From idle, as the peers begin from nothing: a second after its last work the daemon gives back what that touched.
        test::wait_for([&] { return rss_kib(d.process->pid()) < 6 << 10; }, std::chrono::seconds{5});
        reset_peak_rss(d.process->pid());
        const double cpu = cpu_s(d.process->pid()), wall = now_s();
        const auto ran = test::run({binary + "/bin/agenthost", "--control-socket",
                                    (d.base / "control.sock").string(), "call", action, params.dump()});
        if (ran.code != 0) {
            std::fprintf(stderr, "%s failed: %s %s\n", action.c_str(), ran.out.c_str(), ran.err.c_str());
            ++failures;
        }
        report.add(subject, "wall s", now_s() - wall);
        report.add(subject, "CPU s", cpu_s(d.process->pid()) - cpu);
        report.add(subject, "peak RSS MiB", static_cast<double>(peak_rss_kib(d.process->pid())) / 1024);
    };
    const auto peer = [&](const std::string& subject, const std::vector<std::vector<std::string>>& commands) {
        double wall = 0, cpu = 0, peak = 0;
        for (const auto& command : commands) {
            const auto cost = bench::run(command);
            if (cost.code != 0) {
                std::fprintf(stderr, "%s failed: exit %d\n", command[0].c_str(), cost.code);
                ++failures;
            }
            wall += cost.wall_s;
            cpu += cost.cpu_s;
            peak = std::max(peak, static_cast<double>(cost.peak_kib) / 1024);
        }
        report.add(subject, "wall s", wall);
        report.add(subject, "CPU s", cpu);
        report.add(subject, "peak RSS MiB", peak);
    };

    auto declared = start(agent("declared")), always = start(agent("always"));
    const auto out = (dir / "curl.out").string();
    int n = 0;
    for (int round = 0; round < rounds(); ++round) {
        for (const bool tls : {false, true}) {
            const std::string suffix = tls ? " TLS" : "";
            const std::string base = tls ? "https://localhost:" + std::to_string(nginx.tls)
                                         : "http://localhost:" + std::to_string(nginx.plain);
            const auto id = "f" + std::to_string(++n);
            const json upload = {{"file_info", {{"id", id}, {"name", "file.bin"}, {"size", mib << 20}}},
                                 {"download_url", base + "/get/file.bin"}};
            call(declared, "upload" + suffix, "storage.upload", upload);
            peer("curl -o" + suffix, {{"curl", "-s", "--cacert", cert, "-o", out, base + "/get/file.bin"}});
            std::filesystem::remove(out);
            call(declared, "download" + suffix, "storage.download",
                 {{"file_id", id}, {"upload_url", base + "/put/" + id}, {"method", "PUT"}});
            std::filesystem::remove(root / "put" / id);
            peer("curl -T" + suffix, {{"curl", "-s", "--cacert", cert, "-T", file, base + "/put/curl" + id}});
            std::filesystem::remove(root / "put" / ("curl" + id));
            test::run({binary + "/bin/agenthost", "--control-socket",
                       (declared.base / "control.sock").string(), "call", "storage.delete",
                       json{{"file_id", id}}.dump()});
            call(always, "upload with SHA-256" + suffix, "storage.upload", upload);
            peer("curl -o, sha256sum" + suffix,
                 {{"curl", "-s", "--cacert", cert, "-o", out, base + "/get/file.bin"}, {"sha256sum", out}});
            std::filesystem::remove(out);
            test::run({binary + "/bin/agenthost", "--control-socket", (always.base / "control.sock").string(),
                       "call", "storage.delete", json{{"file_id", id}}.dump()});
        }
    }
    report.ratio("upload, CPU against curl -o", "upload", "curl -o", "CPU s", 0.6, 0.4, false);
    report.ratio("upload TLS, CPU against curl -o", "upload TLS", "curl -o TLS", "CPU s", 0.95, 0.65, false);
    report.ratio("upload with SHA-256, CPU against curl then sha256sum", "upload with SHA-256",
                 "curl -o, sha256sum", "CPU s", 0.8, 0.72, false);
    report.ratio("upload with SHA-256 TLS, CPU", "upload with SHA-256 TLS", "curl -o, sha256sum TLS", "CPU s",
                 0, 0, false);
    report.ratio("download, CPU against curl -T", "download", "curl -T", "CPU s", 0.7, 0.6, false);
    report.ratio("download TLS, CPU against curl -T", "download TLS", "curl -T TLS", "CPU s", 1.1, 1.0,
                 false);
    report.ratio("peak RSS of an upload against curl", "upload", "curl -o", "peak RSS MiB", 1.0, 0.8, false);
    report.ratio("peak RSS of a TLS upload against curl", "upload TLS", "curl -o TLS", "peak RSS MiB", 1.0,
                 0.8, false);
    report.ratio("peak RSS of a download against curl", "download", "curl -T", "peak RSS MiB", 1.0, 0.8,
                 false);
    report.note(std::to_string(mib) + " MiB of random bytes, nginx on loopback. Ours is the whole daemon's "
                                      "CPU and includes fsync of the file and its row; curl's does not.");
    report.print(binary + "/results");
    return failures ? 1 : 0;
}
