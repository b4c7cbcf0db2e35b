// Storage transfers against curl, from and to a real nginx on loopback: CPU of the whole daemon, wall, peak
// RSS.
#include "bench.hpp"
#include "support/support.hpp"

#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

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
            .argv = {"nginx", "-e", (base / "error.log").string(), "-c", (base / "nginx.conf").string()}});
        test::wait_for([&] {
            return test::run(
                       {"curl", "-s", "-o", "/dev/null", "http://127.0.0.1:" + std::to_string(plain) + "/"})
                       .code == 0;
        });
    }
    ~Nginx()
    {
        // The master stops its workers too.
        process->signal(SIGTERM);
        process->wait();
    }
    int plain, tls;
    std::unique_ptr<test::Process> process;
};

// Measures the same transfers by the daemon and by curl, without and with TLS.
class StorageBench {
public:
    StorageBench(std::string binary, std::uint64_t mib) : binary_{std::move(binary)}, mib_{mib}
    {
        test::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                   "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                   "subjectAltName=DNS:localhost", "-keyout", (dir_ / "key.pem").string(), "-out",
                   certificate_});
        std::filesystem::create_directories(root_ / "put");
        const auto filled =
            test::run({"sh", "-c", "head -c " + std::to_string(bytes()) + " /dev/urandom > " + file_});
        if (filled.code != 0) throw std::runtime_error{"cannot write " + file_};
        nginx_ = std::make_unique<Nginx>(dir_, root_.string(), certificate_, (dir_ / "key.pem").string());
        declared_ = start("declared");
        always_ = start("always");
    }

    void measure(bool tls)
    {
        const std::string suffix = tls ? " TLS" : "";
        const std::string base = tls ? "https://localhost:" + std::to_string(nginx_->tls)
                                     : "http://localhost:" + std::to_string(nginx_->plain);
        const auto id = "f" + std::to_string(++files_);
        const json upload = {{"file_info", {{"id", id}, {"name", "file.bin"}, {"size", bytes()}}},
                             {"download_url", base + "/get/file.bin"}};
        const std::vector<std::string> fetch{
            "curl", "-s", "--cacert", certificate_, "-o", received_, base + "/get/file.bin"};
        call(declared_, "upload" + suffix, "storage.upload", upload);
        peer("curl -o" + suffix, {fetch});
        std::filesystem::remove(received_);
        call(declared_, "download" + suffix, "storage.download",
             {{"file_id", id}, {"upload_url", base + "/put/" + id}, {"method", "PUT"}});
        std::filesystem::remove(root_ / "put" / id);
        peer("curl -T" + suffix,
             {{"curl", "-s", "--cacert", certificate_, "-T", file_, base + "/put/curl" + id}});
        std::filesystem::remove(root_ / "put" / ("curl" + id));
        discard(declared_, id);
        call(always_, "upload with SHA-256" + suffix, "storage.upload", upload);
        peer("curl -o, sha256sum" + suffix, {fetch, {"sha256sum", received_}});
        std::filesystem::remove(received_);
        discard(always_, id);
    }

    // Adds the ratios to the report and prints it. True: every transfer succeeded.
    bool print()
    {
        report_.ratio("upload, CPU against curl -o", "upload", "curl -o", "CPU s", 0.6, 0.4, false);
        report_.ratio("upload TLS, CPU against curl -o", "upload TLS", "curl -o TLS", "CPU s", 0.95, 0.65,
                      false);
        report_.ratio("upload with SHA-256, CPU against curl then sha256sum", "upload with SHA-256",
                      "curl -o, sha256sum", "CPU s", 0.8, 0.72, false);
        report_.ratio("upload with SHA-256 TLS, CPU", "upload with SHA-256 TLS", "curl -o, sha256sum TLS",
                      "CPU s", 0, 0, false);
        report_.ratio("download, CPU against curl -T", "download", "curl -T", "CPU s", 0.7, 0.6, false);
        report_.ratio("download TLS, CPU against curl -T", "download TLS", "curl -T TLS", "CPU s", 1.1, 1.0,
                      false);
        report_.ratio("peak RSS of an upload against curl", "upload", "curl -o", "peak RSS MiB", 1.0, 0.8,
                      false);
        report_.ratio("peak RSS of a TLS upload against curl", "upload TLS", "curl -o TLS", "peak RSS MiB",
                      1.0, 0.8, false);
        report_.ratio("peak RSS of a download against curl", "download", "curl -T", "peak RSS MiB", 1.0, 0.8,
                      false);
        report_.note(std::to_string(mib_) + " MiB of random bytes, nginx on loopback. Ours is the whole "
                                            "daemon's CPU and includes fsync of the file and its row; "
                                            "curl's does not.");
        report_.print(binary_ + "/results");
        return failures_ == 0;
    }

private:
    struct Daemon {
        std::filesystem::path base;
        std::unique_ptr<test::Process> process;
    };

    [[nodiscard]] std::uint64_t bytes() const { return mib_ << 20; }

    [[nodiscard]] std::vector<std::string> command_line(const std::filesystem::path& base,
                                                        const std::vector<std::string>& command) const
    {
        std::vector<std::string> argv{binary_ + "/bin/agenthost", "--control-socket",
                                      (base / "control.sock").string()};
        argv.insert(argv.end(), command.begin(), command.end());
        return argv;
    }

    // `checksum`: the plugin's setting, when to compute a file's SHA-256.
    Daemon start(const std::string& checksum)
    {
        const auto base = dir_.path() / ("agent-" + checksum);
        std::filesystem::create_directories(base);
        test::write_file(base / "agenthost.yaml",
                         "agent: {id: bench, state_dir: " + (base / "state").string() +
                             "}\nlog: {level: warning, format: text}\ncontrol: {socket: " +
                             (base / "control.sock").string() +
                             "}\nplugins: {storage: {enabled: true, required: true, config: {storage_path: " +
                             (base / "files").string() + ", reserve_free: 1MiB, checksum: " + checksum +
                             ", allow_hosts: [localhost, 127.0.0.1], allow_private_networks: true, tls_ca: " +
                             certificate_ + "}}}\n");
        Daemon daemon{base, std::make_unique<test::Process>(
                                test::Process::Options{.argv = {binary_ + "/bin/agenthost", "run", "-c",
                                                                (base / "agenthost.yaml").string()}})};
        test::wait_for([&] { return test::run(command_line(base, {"call", "host.ping"})).code == 0; });
        return daemon;
    }

    // One row: what an action costs the daemon.
    void call(Daemon& daemon, const std::string& subject, const std::string& action, const json& params)
    {
        const pid_t pid = daemon.process->pid();
        // Starts idle, as its peers start from nothing: a second after its last work the daemon returns the
        // memory it used.
        test::wait_for([&] { return rss_kib(pid) < 6 << 10; }, std::chrono::seconds{5});
        reset_peak_rss(pid);
        const double cpu = cpu_s(pid), wall = now_s();
        const auto ran = test::run(command_line(daemon.base, {"call", action, params.dump()}));
        if (ran.code != 0) {
            std::fprintf(stderr, "%s failed: %s %s\n", action.c_str(), ran.out.c_str(), ran.err.c_str());
            ++failures_;
        }
        report_.add(subject, "wall s", now_s() - wall);
        report_.add(subject, "CPU s", cpu_s(pid) - cpu);
        report_.add(subject, "peak RSS MiB", static_cast<double>(peak_rss_kib(pid)) / 1024);
    }

    // One row: what the commands cost, one after the other.
    void peer(const std::string& subject, const std::vector<std::vector<std::string>>& commands)
    {
        double wall = 0, cpu = 0, peak = 0;
        for (const auto& command : commands) {
            const auto cost = bench::run(command);
            if (cost.code != 0) {
                std::fprintf(stderr, "%s failed: exit %d\n", command[0].c_str(), cost.code);
                ++failures_;
            }
            wall += cost.wall_s;
            cpu += cost.cpu_s;
            peak = std::max(peak, static_cast<double>(cost.peak_kib) / 1024);
        }
        report_.add(subject, "wall s", wall);
        report_.add(subject, "CPU s", cpu);
        report_.add(subject, "peak RSS MiB", peak);
    }

    void discard(const Daemon& daemon, const std::string& id) const
    {
        test::run(command_line(daemon.base, {"call", "storage.delete", json{{"file_id", id}}.dump()}));
    }

    const std::string binary_;
    const std::uint64_t mib_;
    test::TempDir dir_;
    const std::string certificate_ = (dir_ / "cert.pem").string();
    const std::filesystem::path root_ = dir_ / "root";
    const std::string file_ = (root_ / "file.bin").string(), received_ = (dir_ / "curl.out").string();
    Report report_{"storage"};
    std::unique_ptr<Nginx> nginx_;
    Daemon declared_, always_;
    int files_ = 0, failures_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    // Both sides trust only the certificate given here: we would read a bundle named in these whole, curl
    // with --cacert never does.
    for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"}) ::unsetenv(name);
    const char* mib = std::getenv("BENCH_MIB");
    try {
        StorageBench bench{argv[1], mib ? std::strtoull(mib, nullptr, 10) : 1024};
        for (int round = 0; round < rounds(); ++round)
            for (const bool tls : {false, true}) bench.measure(tls);
        return bench.print() ? 0 : 1;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "storage: %s\n", e.what());
        return 1;
    }
}
