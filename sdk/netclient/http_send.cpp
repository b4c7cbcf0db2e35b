// A PUT or POST of a file: sendfile if plain, large reads and SSL_write under TLS. An early response ends the
// sending.
#include "http_exchange.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace agenthost::netclient {

using End = Transfer::End;

namespace {

constexpr std::size_t sendfile_piece = 1 << 20;

class Send {
public:
    Send(HttpClient& client, const HttpClient::Call& call, std::string_view method, const Body& body,
         const WaitLimits& wait_limits)
        : client_{client}, call_{call}, method_{method}, body_{body},
          wait_limits_{wait_limits}, size_{body.file < 0 ? body.text.size() : body.size}
    {}

    Step attempt(Transfer& transfer)
    {
        if (Step step = keep_pace(call_.url); !step.ok()) return step;
        Exchange exchange{client_, call_, wait_limits_, buffer_};
        offset_ = 0;
        Step step = exchange.run(method_, {{"Content-Length", std::to_string(size_)}}, [&] {
            offset_ = 0;
            return send_body(exchange);
        });
        if (!step.ok()) return step;
        const int status = transfer.status = exchange.head().status;
        const std::string answered = exchange.at() + ": answered " + std::to_string(status);
        if (status >= 500 || status == 408) return Step::retry(answered);
        exchange.read_reply(transfer.reply);
        if (status < 200 || status > 299) return Step::finish(End::refused, answered);
        if (offset_ < size_) return Step::finish(End::refused, answered + " before it had the whole body");
        return Step::finish(End::done);
    }

    [[nodiscard]] Clock::time_point last_moved() const { return last_moved_; }

private:
    Step keep_pace(const Url& url) { return after_moving(floor_, on_wire_, client_.options().min_rate, url); }

    Step send_body(Exchange& exchange)
    {
        if (body_.file < 0) {
            bool answered = false;
            return push(exchange, body_.text, answered);
        }
        if (!exchange.connection().tls()) return send_from_file(exchange);
        exchange.connection().cork(true);
        Step step = send_through_memory(exchange);
        exchange.connection().cork(false);
        return step;
    }

    // Waits until the socket is writable; sets `answered` if the server responds before it has read the whole
    // body.
    Step wait_to_send(Exchange& exchange, bool& answered)
    {
        if (Step step = keep_pace(exchange.url()); !step.ok()) return step;
        const short wanted = exchange.connection().wanted();
        if (Step step = exchange.wait(static_cast<short>(wanted | POLLIN), exchange.options().idle_timeout,
                                      "sending");
            !step.ok())
            return step;
        return exchange.read_early_answer(answered);
    }

    // Sends all of `data`, unless the server responds first.
    Step push(Exchange& exchange, std::string_view data, bool& answered)
    {
        while (!data.empty() && !answered) {
            const auto done = exchange.connection().write(data.data(), data.size());
            if (done.io == Connection::Io::ok) {
                data.remove_prefix(done.bytes);
                offset_ += done.bytes;
                on_wire_ += done.bytes;
            } else if (done.io != Connection::Io::again) {
                answered = true;
                return broken();
            } else if (Step step = wait_to_send(exchange, answered); !step.ok()) {
                return step;
            }
        }
        return {};
    }

    // A failed write usually means that the server has responded and closed; its response says more than
    // "broken pipe".
    static Step broken() { return {}; }

    Step send_from_file(Exchange& exchange)
    {
        while (offset_ < size_) {
            const auto piece =
                static_cast<std::size_t>(std::min<std::uint64_t>(sendfile_piece, size_ - offset_));
            const auto before = offset_;
            const auto done = exchange.connection().send_file(body_.file, offset_, piece);
            on_wire_ += offset_ - before;
            if (done.io == Connection::Io::eof) return shrunk();
            if (done.io == Connection::Io::error) return broken();
            if (done.io == Connection::Io::ok) {
                moved(exchange);
                continue;
            }
            bool answered = false;
            if (Step step = wait_to_send(exchange, answered); !step.ok()) return step;
            if (answered) return {};
        }
        return {};
    }

    Step send_through_memory(Exchange& exchange)
    {
        while (offset_ < size_) {
            const auto want =
                static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), size_ - offset_));
            const ssize_t n = ::pread(body_.file, buffer_.data(), want, static_cast<off_t>(offset_));
            if (n == 0) return shrunk();
            if (n < 0)
                return Step::finish(End::local, std::string{"reading the file: "} + std::strerror(errno));
            bool answered = false;
            const std::string_view piece{buffer_.data(), static_cast<std::size_t>(n)};
            if (Step step = push(exchange, piece, answered); !step.ok() || answered) return step;
            moved(exchange);
        }
        return {};
    }

    void moved(const Exchange& exchange)
    {
        last_moved_ = Clock::now();
        exchange.reached(offset_);
    }

    static Step shrunk() { return Step::finish(End::local, "the file became shorter while it was sent"); }

    HttpClient& client_;
    const HttpClient::Call& call_;
    std::string method_;
    const Body& body_;
    const WaitLimits& wait_limits_;
    std::uint64_t size_;
    std::uint64_t offset_ = 0, on_wire_ = 0; // of this attempt; of all
    base::RateFloor floor_{client_.options().min_rate, Clock::now()};
    Clock::time_point last_moved_ = Clock::now();
    base::Buffer buffer_{transfer_buffer(call_.url)};
};

} // namespace

HttpClient::HttpClient(HttpOptions options) : options_{std::move(options)} {}
HttpClient::~HttpClient() = default;

TlsResult HttpClient::tls(const TlsClientConfig& config)
{
    std::shared_ptr<RenewedTls> tls;
    {
        const std::lock_guard lock{mutex_};
        const auto known = std::find_if(tls_.begin(), tls_.end(),
                                        [&](const KnownTls& each) { return each.config == config; });
        if (known != tls_.end()) {
            tls = known->tls;
        } else {
            tls = RenewedTls::of(config);
            if (tls_.size() >= max_tls) tls_.erase(tls_.begin());
            tls_.push_back({config, tls});
        }
    }
    // Outside the lock: it reads files. A renewed file that cannot be used (yet) leaves the old context in
    // use.
    auto now = tls->current();
    return {std::move(now.context), std::move(now.problem)};
}

Transfer HttpClient::send(std::string_view method, const Call& call, const Body& body,
                          const WaitLimits& wait_limits)
{
    const base::IgnoreSigpipe no_signal;
    Send send{*this, call, method, body, wait_limits};
    // Bytes accepted by the kernel may not have arrived, so progress does not count: five attempts in all.
    return run_attempts(
        options_, wait_limits, [&send](Transfer& transfer) { return send.attempt(transfer); },
        [&send](RetryBudget& budget) { budget.moved(send.last_moved()); });
}

} // namespace agenthost::netclient
