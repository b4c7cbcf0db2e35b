#include "http_call.hpp"

#include "base/cancel.hpp"
#include "base/sigpipe.hpp"
#include "host/session/resolve.hpp"
#include "netclient/chunked.hpp"
#include "netclient/connection.hpp"
#include "netclient/http_head.hpp"
#include "netclient/net.hpp"
#include "netclient/network.hpp"

#include <poll.h>

#include <algorithm>
#include <cstring>

namespace agenthost::host {
namespace {

using Clock = std::chrono::steady_clock;
using Io = netclient::Connection::Io;

class Call {
public:
    explicit Call(const HttpCall& call) : call_{call} {}

    HttpReply run()
    {
        std::string why;
        const auto url = netclient::parse_url(call_.url, why);
        if (!url) {
            fail(call_.key + std::string{": "} + why, true);
            return std::move(reply_);
        }
        url_ = *url;
        if (call_.proxy && !netclient::in_no_proxy(call_.no_proxy, url_)) proxy_ = &*call_.proxy;
        const base::IgnoreSigpipe no_signal;
        (void)(reach() && tunnel() && secure() && ask() && read_head() && (call_.head_only || read_body()));
        if (!reply_.problem.empty()) reply_.status = 0;
        return std::move(reply_);
    }

private:
    bool fail(std::string problem, bool fatal = false)
    {
        reply_.problem = std::move(problem);
        reply_.fatal = fatal;
        return false;
    }
    [[nodiscard]] std::string at() const { return url_.redacted(); }

    bool wait(int fd, short events)
    {
        for (;;) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Clock::now()).count();
            pollfd p{fd, events, 0};
            const int n = left > 0 ? ::poll(&p, 1, static_cast<int>(left)) : 0;
            if (n >= 0 || errno != EINTR) return n > 0;
        }
    }

    bool reach()
    {
        const std::string host = proxy_ ? proxy_->host : url_.host;
        const std::uint16_t port = proxy_ ? proxy_->port : url_.port;
        std::string why;
        const auto addresses = look_up(host, port, proxy_ ? "proxy" : call_.key, why);
        if (addresses.empty()) return fail(why);
        if (!url_.tls && !call_.insecure && (proxy_ != nullptr || !netclient::all_loopback(addresses)))
            return fail(std::string{call_.key} + " " + at() +
                            " would send secrets in clear text. Use https://, or set `insecure: true`",
                        true);
        for (const auto& address : addresses) {
            const base::Cancel never;
            netclient::Connected made = netclient::connect_to(address, call_.connect_timeout, {never});
            if (made.socket) {
                connection_.emplace(std::move(made.socket));
                return true;
            }
            why = std::strerror(made.error);
        }
        return fail("cannot connect to " + host + ":" + std::to_string(port) + ": " + why + ". Check " +
                    (proxy_ ? "proxy" : call_.key) + ", the server and the firewall between");
    }

    bool send(std::string_view text)
    {
        while (!text.empty()) {
            const auto done = connection_->write(text.data(), text.size());
            if (done.io == Io::ok)
                text.remove_prefix(done.bytes);
            else if (done.io != Io::again || !wait(connection_->fd(), connection_->wanted()))
                return fail(at() + ": sending the request: " +
                            (done.io == Io::again ? "no progress" : connection_->error()));
        }
        return true;
    }

    // eof: 0 bytes. false: failed.
    bool receive(char* data, std::size_t size, std::size_t& n, const std::string& from)
    {
        for (;;) {
            const auto done = connection_->read(data, size);
            n = done.bytes;
            if (done.io == Io::ok || done.io == Io::eof) return true;
            if (done.io != Io::again) return fail(from + ": reading the answer: " + connection_->error());
            if (!wait(connection_->fd(), connection_->wanted()))
                return fail(from + " does not answer in time");
        }
    }

    bool tunnel()
    {
        if (proxy_ == nullptr) return true;
        until_ = Clock::now() + call_.answer_timeout;
        if (!send(netclient::connect_request(*proxy_, url_.host, url_.port))) return false;
        netclient::ConnectAnswer answer;
        char bytes[1024];
        std::string_view rest;
        while (answer.state() == netclient::ConnectAnswer::State::more) {
            std::size_t n = 0;
            if (!receive(bytes, sizeof bytes, n, "the proxy " + proxy_->shown())) return false;
            if (n == 0) return fail(answer.broke_off(*proxy_, "the connection ended"));
            rest = {bytes, n};
            rest.remove_prefix(answer.feed(rest));
        }
        if (answer.state() != netclient::ConnectAnswer::State::open)
            return fail(answer.problem(*proxy_, url_.host, url_.port));
        return rest.empty() || fail(netclient::ConnectAnswer::overrun(*proxy_, rest));
    }

    bool secure()
    {
        if (!url_.tls) return true;
        if (!call_.tls) return fail(at() + ": TLS was not prepared", true);
        if (!connection_->start_tls(call_.tls, url_.host))
            return fail(at() + ": TLS cannot start: no memory");
        until_ = Clock::now() + call_.connect_timeout;
        for (Io io; (io = connection_->handshake()) != Io::ok;) {
            if (io == Io::again && wait(connection_->fd(), connection_->wanted())) continue;
            return fail("TLS with " + url_.host + ": " +
                            (io == Io::again ? std::string{"no answer in time"}
                             : io == Io::eof ? std::string{"the connection broke off"}
                                             : connection_->error()),
                        connection_->certificate_refused());
        }
        return true;
    }

    bool ask()
    {
        netclient::Headers headers{{"User-Agent", "agenthost/" AGENTHOST_VERSION},
                                   {"Accept", "application/json"},
                                   {"Accept-Encoding", "identity"}};
        headers.insert(headers.end(), call_.headers.begin(), call_.headers.end());
        if (call_.method != "GET") headers.emplace_back("Content-Length", std::to_string(call_.body.size()));
        until_ = Clock::now() + call_.answer_timeout;
        return send(netclient::request_head(call_.method, url_, headers) + call_.body);
    }

    bool read_head()
    {
        std::string text(netclient::max_head, '\0');
        for (std::size_t size = 0;;) {
            std::size_t n = 0;
            if (size == text.size()) return fail(at() + ": the answer's head is longer than 32 KiB");
            if (!receive(text.data() + size, text.size() - size, n, at())) return false;
            if (n == 0) return fail(at() + ": the connection ended without an answer");
            size += n;
            std::string why;
            switch (netclient::parse_response_head({text.data(), size}, head_, why)) {
            case netclient::HeadResult::more: continue;
            case netclient::HeadResult::bad:
            case netclient::HeadResult::unsupported: return fail(at() + ": " + why);
            case netclient::HeadResult::complete: break;
            }
            early_ = text.substr(head_.size, size - head_.size);
            if (const std::string coding = netclient::content_coding(head_); !coding.empty())
                return fail(at() + ": the answer's Content-Encoding is " + coding.substr(0, 40) +
                            ", which was not requested");
            reply_.status = head_.status;
            reply_.date = head_.header("date");
            return true;
        }
    }

    bool read_body()
    {
        netclient::ChunkedDecoder chunks;
        std::string piece = std::move(early_);
        for (;;) {
            std::size_t size = piece.size();
            if (head_.chunked) size = chunks.decode(piece.data(), size);
            reply_.body.append(piece, 0, size);
            if (chunks.failed()) return fail(at() + ": the answer's chunks are broken");
            if (reply_.body.size() > call_.max_reply)
                return fail(at() + ": the answer is longer than " + std::to_string(call_.max_reply) +
                            " bytes");
            if (chunks.done() || (head_.length && reply_.body.size() >= *head_.length)) return true;
            piece.resize(4096);
            std::size_t n = 0;
            if (!receive(piece.data(), piece.size(), n, at())) return false;
            if (n == 0 && (head_.chunked || head_.length)) return fail(at() + ": the answer broke off");
            if (n == 0) return true;
            piece.resize(n);
        }
    }

    const HttpCall& call_;
    HttpReply reply_;
    netclient::Url url_;
    const netclient::Proxy* proxy_ = nullptr; // null: a direct connection
    Clock::time_point until_;
    std::optional<netclient::Connection> connection_;
    netclient::ResponseHead head_;
    std::string early_;
};

} // namespace

HttpReply http_call(const HttpCall& call) { return Call{call}.run(); }

} // namespace agenthost::host
