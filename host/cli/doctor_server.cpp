// Checks a server step by step, as a session would connect, but without logging in.
#include "doctor.hpp"

#include "host/config/secret_names.hpp"
#include "host/session/auth/public_ip.hpp"
#include "netclient/http_head.hpp"
#include "netclient/network.hpp"
#include "netclient/proxy.hpp"
#include "netclient/tls.hpp"
#include "netclient/url.hpp"

#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "base/hash.hpp"
#include "base/http_date.hpp"
#include "netclient/connection.hpp"
#include "netclient/net.hpp"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace agenthost::host::cli {

namespace {

using Milliseconds = std::chrono::milliseconds;

class Visit {
public:
    Visit(const ServerConfig& server, Milliseconds timeout)
        : server_{server}, timeout_{timeout}, area_{"server " + server.name}
    {}

    Findings run()
    {
        std::string why;
        const auto url = netclient::parse_server_url(server_.url, why);
        if (server_.url.empty()) {
            good("its address comes from the registration; not checked");
        } else if (!url || server_.url.find(public_ip_placeholder) != std::string::npos) {
            good("its address is known only when the daemon runs; not checked");
        } else {
            url_ = *url;
            begin_step();
            (void)(reach() && secure() && upgrade());
        }
        return std::move(findings_);
    }

private:
    void good(std::string text) { findings_.push_back({Verdict::good, area_, std::move(text), ""}); }
    bool bad(std::string text, std::string remedy)
    {
        findings_.push_back({Verdict::bad, area_, std::move(text), std::move(remedy)});
        return false;
    }

    // DNS and TCP, through the proxy if there is one.
    bool reach()
    {
        std::string why;
        const auto proxy = server_.proxy.empty() || in_no_proxy(netclient::environment_no_proxy(why), url_)
                               ? std::optional<netclient::Proxy>{}
                               : netclient::parse_proxy(server_.proxy, why);
        const std::string host = proxy ? proxy->host : url_.host;
        const auto port = proxy ? proxy->port : url_.port;
        const std::string what = (proxy ? "the proxy " : "") + host;
        const base::Cancel never;
        netclient::Resolver resolver{1};
        const std::vector<netclient::Address> addresses =
            resolver.resolve(host, port, timeout_, {never, netclient::Clock::now() + timeout_}, why);
        if (addresses.empty())
            return bad("the name " + what + " is not found: " + why,
                       "check url and /etc/resolv.conf (getent hosts " + host + ")");
        netclient::Connected made;
        for (const netclient::Address& address : addresses)
            if ((made = netclient::connect_to(address, timeout_, {never})).socket) break;
        if (!made.socket)
            return bad("no connection to " + what + " port " + std::to_string(port) + ": " +
                           std::strerror(made.error),
                       made.error == ECONNREFUSED
                           ? "nothing listens there: is the port in url right, is the server up?"
                       : made.error == ETIMEDOUT
                           ? "a firewall in between? Outbound TCP " + std::to_string(port) + " must be open"
                           : "check routes and firewall");
        connection_.emplace(std::move(made.socket));
        return !proxy || tunnel(*proxy);
    }

    bool tunnel(const netclient::Proxy& proxy)
    {
        begin_step();
        using State = netclient::ConnectAnswer::State;
        netclient::ConnectAnswer answer;
        char bytes[1024];
        std::string_view rest;
        std::size_t n = send(netclient::connect_request(proxy, url_.host, url_.port)) ? 1 : 0;
        while (n != 0 && answer.state() == State::more) {
            n = receive(bytes, sizeof bytes);
            rest = {bytes, n};
            rest.remove_prefix(answer.feed(rest));
        }
        if (answer.state() == State::open && rest.empty()) return true;
        if (answer.state() == State::open)
            return bad(netclient::ConnectAnswer::overrun(proxy, rest), "check proxy: http://HOST:PORT");
        if (answer.state() == State::more)
            return bad(answer.broke_off(proxy, why_no_input()), "check proxy: http://HOST:PORT");
        std::string remedy = answer.remedy(proxy);
        remedy.front() = base::to_lower(remedy.front());
        return bad(answer.refusal(proxy, url_.host, url_.port), remedy);
    }

    bool secure()
    {
        if (!url_.tls) return true;
        TlsClientConfig tls = server_.tls;
        tls.pin_sha256.clear(); // judge_certificate() explains a wrong pin better than a failed handshake
        const netclient::TlsResult made = netclient::make_client_context(tls);
        if (!made.context) return bad(made.problem, "until it is fixed, no session is possible");
        if (!connection_->start_tls(made.context, url_.host))
            return bad("TLS cannot start: no memory", "free some");
        const std::string name = server_.tls.server_name.empty() ? url_.host : server_.tls.server_name;
        SSL* const raw = connection_->ssl();
        begin_step();
        for (;;) {
            const auto io = connection_->handshake();
            if (io == netclient::Connection::Io::ok) break;
            if (io == netclient::Connection::Io::again && wait(connection_->wanted())) continue;
            return handshake_failed(raw, name, io == netclient::Connection::Io::again);
        }
        return judge_certificate(raw);
    }

    bool handshake_failed(SSL* ssl, const std::string& name, bool silent)
    {
        if (silent)
            return bad("connected, but TLS gets no answer",
                       "is this the port for wss://? A firewall may cut TLS");
        const long verdict = SSL_get_verify_result(ssl);
        if (verdict == X509_V_OK)
            return bad("TLS fails: " + connection_->error(),
                       "does the server speak TLS 1.2 or later on port " + std::to_string(url_.port) + "?");
        const std::string text =
            "the certificate of " + name + " is not accepted: " + X509_verify_cert_error_string(verdict);
        switch (verdict) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return bad(text, "use the name it was issued for in url, or set tls.server_name");
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return bad(text, "the server's operator must renew it (or this clock is wrong)");
        case X509_V_ERR_CERT_NOT_YET_VALID: return bad(text, "check this machine's clock");
        default:
            return bad(text, "set tls.ca to the PEM of the authority that signed it, or install that "
                             "authority in the system's store");
        }
    }

    bool judge_certificate(SSL* ssl)
    {
        const std::string pin = base::base64(netclient::peer_spki_sha256(ssl));
        if (!server_.tls.pin_sha256.empty() &&
            std::find(server_.tls.pin_sha256.begin(), server_.tls.pin_sha256.end(), pin) ==
                server_.tls.pin_sha256.end())
            return bad("the server's key is not one of tls.pin_sha256; it is " + pin,
                       "if the server's key was changed on purpose, write the new pin");
        const std::unique_ptr<X509, decltype(&X509_free)> certificate{SSL_get1_peer_certificate(ssl),
                                                                      &X509_free};
        int days = 0, seconds = 0;
        std::string expiry;
        if (certificate &&
            ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get())) == 1)
            expiry = ", certificate " + describe_expiry(findings_, area_, "its certificate",
                                                        seconds < 0 && days == 0 ? -1 : days);
        good(std::string{SSL_get_version(ssl)} + expiry + ", pin " + pin);
        return true;
    }

    bool upgrade()
    {
        netclient::Headers headers{{"Connection", "Upgrade"},
                                   {"Upgrade", "websocket"},
                                   {"Sec-WebSocket-Version", "13"},
                                   // 16 characters: any 16 bytes will do
                                   {"Sec-WebSocket-Key", base::base64(base::random_token(8))}};
        for (const auto& header : server_.headers)
            if (!conf::sounds_secret(header.first)) headers.push_back(header);
        begin_step();
        netclient::ResponseHead answer;
        std::string why = "it does not read the request";
        if (!send(netclient::request_head("GET", url_, headers)) || !receive_head(answer, why))
            return bad("does not respond like a web server: " + why, "is this the port in url?");
        check_upgrade(findings_, area_, server_, answer);
        if (const auto date = base::parse_http_date(answer.header("date")))
            check_clock(findings_, area_, server_, std::time(nullptr) - *date / 1000);
        return true;
    }

    bool send(std::string_view text)
    {
        using Io = netclient::Connection::Io;
        while (!text.empty()) {
            const auto done = connection_->write(text.data(), text.size());
            if (done.io == Io::ok)
                text.remove_prefix(done.bytes);
            else if (done.io != Io::again || !wait(connection_->wanted()))
                return false;
        }
        return true;
    }

    // 0: the end, an error, or nothing in time.
    std::size_t receive(char* data, std::size_t size)
    {
        using Io = netclient::Connection::Io;
        for (;;) {
            const auto done = connection_->read(data, size);
            if (done.io == Io::again && wait(connection_->wanted())) continue;
            return done.io == Io::ok ? done.bytes : 0;
        }
    }

    [[nodiscard]] std::string why_no_input() const
    {
        return netclient::Clock::now() < until_ ? "the connection ended" : "nothing more in time";
    }

    // False: the server sent no response head; `why` quotes what it sent. The body may be incomplete: only
    // the status and the header fields are checked.
    bool receive_head(netclient::ResponseHead& head, std::string& why)
    {
        std::string text(netclient::max_head, '\0');
        for (std::size_t size = 0; const std::size_t n = receive(text.data() + size, text.size() - size);) {
            const auto result = netclient::parse_response_head({text.data(), size += n}, head, why,
                                                               netclient::Switching::expected);
            if (result != netclient::HeadResult::more) return head.status != 0;
        }
        why = why_no_input();
        return false;
    }

    void begin_step() { until_ = netclient::Clock::now() + timeout_; }
    bool wait(short events) const
    {
        const auto left = std::chrono::duration_cast<Milliseconds>(until_ - netclient::Clock::now()).count();
        pollfd p{connection_->fd(), events, 0};
        return left > 0 && ::poll(&p, 1, static_cast<int>(left)) > 0;
    }

    const ServerConfig& server_;
    Milliseconds timeout_; // for each step
    netclient::Clock::time_point until_;
    std::string area_;
    netclient::Url url_;
    std::optional<netclient::Connection> connection_;
    Findings findings_;
};

} // namespace

Findings check_server(const ServerConfig& server, Milliseconds timeout)
{
    return Visit{server, timeout}.run();
}

} // namespace agenthost::host::cli
