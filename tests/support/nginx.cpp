#include "nginx.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace agenthost::test {

namespace {

bool listens(int port)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool yes = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return yes;
}

void openssl(std::vector<std::string> args)
{
    args.insert(args.begin(), "openssl");
    if (const Ran ran = run(std::move(args)); ran.code != 0) throw std::runtime_error{"openssl: " + ran.err};
}

} // namespace

void make_test_certificates(const std::filesystem::path& dir)
{
    if (std::filesystem::exists(dir / "server.pem")) return;
    const auto at = [&](const char* name) { return (dir / name).string(); };
    write_file(dir / "ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", "/CN=agenthost test CA", "-keyout", at("ca.key"), "-out", at("ca.pem")});
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
             "/CN=localhost", "-keyout", at("server.key"), "-out", at("server.csr")});
    openssl({"x509", "-req", "-in", at("server.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"),
             "-CAcreateserial", "-days", "30", "-extfile", at("ext"), "-out", at("server.pem")});
}

Nginx::Nginx()
{
    make_test_certificates(dir_.path());
    std::filesystem::create_directories(www());
    for (int attempt = 0; attempt < 10; ++attempt) // free_port() is racy
        if (start()) return;
    throw std::runtime_error{"nginx does not start: " + process_->err() + read_file(dir_ / "error.log")};
}

Nginx::~Nginx()
{
    if (!process_) return;
    process_->signal(SIGTERM);
    process_->wait();
}

bool Nginx::start()
{
    port_ = free_port();
    tls_port_ = free_port();
    const std::string dir = dir_.path().string();
    std::string conf = ::geteuid() == 0 ? "user root;\n" : "";
    conf += "daemon off;\nworker_processes 1;\npid " + dir + "/pid;\nerror_log " + dir +
            "/error.log warn;\n"
            "events { worker_connections 256; }\nhttp {\n"
            "  access_log off;\n  sendfile on;\n  default_type application/octet-stream;\n  "
            "client_max_body_size 0;\n"
            "  client_body_temp_path " +
            dir + "/t1;\n  proxy_temp_path " + dir + "/t2;\n  fastcgi_temp_path " + dir +
            "/t3;\n"
            "  uwsgi_temp_path " +
            dir + "/t4;\n  scgi_temp_path " + dir +
            "/t5;\n"
            "  server {\n    listen 127.0.0.1:" +
            std::to_string(port_) + ";\n    listen 127.0.0.1:" + std::to_string(tls_port_) +
            " ssl;\n"
            "    listen 127.0.0.2:" +
            std::to_string(tls_port_) +
            " ssl;\n" // an address the certificate does not name
            "    ssl_certificate " +
            dir + "/server.pem;\n    ssl_certificate_key " + dir +
            "/server.key;\n    ssl_protocols TLSv1.2 TLSv1.3;\n"
            "    root " +
            dir +
            "/www;\n    location / { dav_methods PUT DELETE; create_full_put_path on; }\n"
            "    location /small/ { client_max_body_size 1k; dav_methods PUT; }\n"
            "    location /moved/ { rewrite ^/moved(/.*)$ $1 redirect; }\n  }\n}\n";
    write_file(dir_ / "nginx.conf", conf);
    process_ = std::make_unique<Process>(Process::Options{
        .argv = {"/usr/sbin/nginx", "-p", dir, "-e", dir + "/error.log", "-c", dir + "/nginx.conf"}});
    wait_for([this] { return !process_->running() || (listens(port_) && listens(tls_port_)); });
    return process_->running();
}

} // namespace agenthost::test
