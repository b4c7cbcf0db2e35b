#include "http_exchange.hpp"

#include "chunked.hpp"

#include <poll.h>

#include <algorithm>
#include <cstring>

namespace agenthost::netclient {

using std::chrono::milliseconds;
using End = Transfer::End;

Step after_wait(Wait wait, const char* doing, const Url& url)
{
    switch (wait) {
    case Wait::cancelled: return Step::finish(End::cancelled, "cancelled while " + std::string{doing});
    case Wait::deadline:
        return Step::finish(End::deadline, "the deadline passed while " + std::string{doing});
    case Wait::timeout: return Step::retry(url.redacted() + ": no progress while " + doing);
    case Wait::ready: break;
    }
    return {};
}

Step Exchange::wait(short events, milliseconds timeout, const char* doing)
{
    return after_wait(wait_for(connection_->fd(), events, timeout, wait_limits_), doing, url_);
}

Step Exchange::wait_until(Clock::time_point until, const char* doing)
{
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    return wait(connection_->wanted(), std::max(left, milliseconds{0}), doing);
}

Step after_moving(base::RateFloor& floor, std::uint64_t moved, const base::RateFloor::Limits& limits,
                  const Url& url)
{
    if (!floor.too_slow(moved, Clock::now())) return {};
    return Step::finish(End::network, url.redacted() + ": slower than the least rate of " +
                                          std::to_string(limits.bytes_per_second) + " bytes/s over " +
                                          std::to_string(limits.window.count() / 1000) + " s");
}

namespace {

// Whether the final response, or something that is not HTTP, has begun. `text`: without complete interim
// responses.
bool begins_final(std::string_view text)
{
    while (!text.empty() && (text.front() == '\r' || text.front() == '\n')) text.remove_prefix(1);
    if (!text.starts_with(std::string_view{"HTTP/"}.substr(0, text.size()))) return true;
    if (text.size() < 12) return false;
    return text[9] != '1' || text.substr(9, 3) == "101";
}

} // namespace

// Connects, under the address policy extended by the requesting server's own origin.
Step Exchange::connect()
{
    answer_.clear();
    interim_ = 0;
    connection_.reset();
    const Network* network = call_.network.get();
    AddressPolicy policy = options().policy;
    if (network && network->at_origin(url_))
        policy.allow_hosts.clear();
    else if (auto refusal = policy.refuse_host(url_.host); !refusal.empty())
        return Step::finish(End::denied, std::move(refusal));
    if (network && network->trusts_address_of(url_)) policy.allow_private_networks = true;
    const Proxy* proxy = network ? network->proxy_for(url_) : nullptr;
    if (Step step = open_socket(proxy, policy); !step.ok()) return step;
    if (proxy)
        if (Step step = tunnel(*proxy); !step.ok()) return step;
    return url_.tls ? secure() : Step{};
}

// Connects to the host or to the proxy. No policy applies to the proxy, because it is configured. Its target
// is checked as far as the URL shows it.
Step Exchange::open_socket(const Proxy* proxy, const AddressPolicy& policy)
{
    const std::string& host = proxy ? proxy->host : url_.host;
    if (proxy)
        if (auto refusal = policy.refuse_literal(url_.host, url_.port); !refusal.empty())
            return Step::finish(End::denied, "host " + url_.host + ": " + refusal);
    const std::string where = proxy ? "the proxy " + proxy->shown() : at();
    std::string why;
    const auto addresses = client_.resolver_.resolve(host, proxy ? proxy->port : url_.port,
                                                     options().connect_timeout, wait_limits_, why);
    if (addresses.empty()) {
        if (const auto now = wait_for(-1, 0, milliseconds{0}, wait_limits_); now != Wait::timeout)
            return after_wait(now, "looking up the host", url_);
        return Step::retry(std::move(why));
    }
    Connected connected = proxy ? connect_to(addresses, options().connect_timeout, wait_limits_)
                                : connect_to(addresses, policy, options().connect_timeout, wait_limits_);
    if (connected.denied) return Step::finish(End::denied, "host " + url_.host + ": " + connected.why);
    if (!connected.socket) {
        if (connected.wait == Wait::cancelled || connected.wait == Wait::deadline)
            return after_wait(connected.wait, "connecting", url_);
        return Step::retry(where + ": " + connected.why);
    }
    connection_.emplace(std::move(connected.socket));
    return {};
}

Step Exchange::tunnel(const Proxy& proxy)
{
    const std::string request = connect_request(proxy, url_.host, url_.port);
    if (Step step = send_all(request.data(), request.size()); !step.ok()) return step;
    const auto until = Clock::now() + options().connect_timeout;
    ConnectAnswer answer;
    char bytes[1024];
    std::string_view rest;
    while (answer.state() == ConnectAnswer::State::more) {
        const auto done = connection_->read(bytes, sizeof bytes);
        if (done.io == Connection::Io::ok) {
            rest = {bytes, done.bytes};
            rest.remove_prefix(answer.feed(rest));
        } else if (done.io != Connection::Io::again) {
            return Step::retry(answer.broke_off(proxy, "the connection ended"));
        } else if (Step step = wait_until(until, "waiting for the proxy"); !step.ok()) {
            return step;
        }
    }
    if (answer.state() == ConnectAnswer::State::open)
        return rest.empty() ? Step{} : Step::finish(End::refused, ConnectAnswer::overrun(proxy, rest));
    std::string problem = answer.problem(proxy, url_.host, url_.port);
    const bool transient = answer.status() >= 500;
    return transient ? Step::retry(std::move(problem)) : Step::finish(End::refused, std::move(problem));
}

Step Exchange::secure()
{
    TlsClientConfig own{.system_too = true};
    if (!options().ca_file.empty()) own.more_ca.push_back(options().ca_file);
    const auto tls = client_.tls(call_.network ? call_.network->tls_for(url_, own) : own);
    if (!tls.context) return Step::finish(End::refused, tls.problem);
    if (!connection_->start_tls(tls.context, url_.host))
        return Step::finish(End::refused, at() + ": TLS: " + tls_error());
    return handshake();
}

Step Exchange::handshake()
{
    const auto until = Clock::now() + options().connect_timeout;
    for (;;) {
        const auto io = connection_->handshake();
        if (io == Connection::Io::ok) return {};
        if (io != Connection::Io::again) {
            std::string detail =
                at() +
                ": TLS: " + (io == Connection::Io::eof ? "the connection broke off" : connection_->error());
            // A retry cannot fix a certificate, neither the server's nor ours.
            const bool certificate =
                connection_->certificate_refused() || detail.find("certificate") != std::string::npos;
            return certificate ? Step::finish(End::refused, std::move(detail))
                               : Step::retry(std::move(detail));
        }
        if (Step step = wait_until(until, "the TLS handshake"); !step.ok()) return step;
    }
}

Step Exchange::send_request(std::string_view method, const Headers& headers)
{
    Headers all{{"User-Agent", options().user_agent}, {"Accept", "*/*"}, {"Accept-Encoding", "identity"}};
    const bool home = url_.same_origin(call_.url);
    const auto secret = [](std::string_view name) {
        return host_matches("authorization", name) || host_matches("cookie", name) ||
               host_matches("proxy-authorization", name);
    };
    for (const auto* some : {&headers, &call_.headers})
        for (const auto& header : *some)
            if (home || !secret(header.first)) all.push_back(header);
    const std::string text = request_head(method, url_, all);
    return send_all(text.data(), text.size());
}

Step Exchange::send_all(const char* data, std::size_t size)
{
    while (size > 0) {
        const auto done = connection_->write(data, size);
        if (done.io == Connection::Io::ok) {
            data += done.bytes;
            size -= done.bytes;
        } else if (done.io == Connection::Io::again) {
            if (Step step = wait(connection_->wanted(), options().idle_timeout, "sending"); !step.ok())
                return step;
        } else {
            return Step::retry(at() + ": sending: " + connection_->error());
        }
    }
    return {};
}

Step Exchange::read_early_answer(bool& answered)
{
    constexpr int reads = 8; // per call; then sending the body continues
    char bytes[4096];
    answered = false;
    for (int i = 0; i < reads && !answered; ++i) {
        const auto done = connection_->read(bytes, sizeof bytes);
        if (done.io == Connection::Io::again) return {};
        if (done.io != Connection::Io::ok) {
            answered = true; // read_head() says how it ended
            return {};
        }
        answer_.append(bytes, done.bytes);
        answer_.erase(0, skip_interim(answer_, interim_));
        answered = begins_final(answer_) || interim_ > max_interim || answer_.size() > max_head;
    }
    return {};
}

Step Exchange::read_head(milliseconds timeout)
{
    head_ = {};
    early_ = {};
    auto until = Clock::now() + timeout; // for the first byte; then as long again for all the rest
    bool begun = !answer_.empty();
    for (;;) {
        answer_.erase(0, skip_interim(answer_, interim_));
        if (interim_ > max_interim)
            return Step::finish(End::refused, at() + ": more than " + std::to_string(max_interim) +
                                                  " interim answers, and no other");
        std::string why;
        if (!answer_.empty()) {
            switch (parse_response_head(answer_, head_, why)) {
            case HeadResult::complete: early_ = std::string_view{answer_}.substr(head_.size); return {};
            case HeadResult::more: break;
            case HeadResult::bad: return Step::retry(at() + ": " + why);
            case HeadResult::unsupported: return Step::finish(End::refused, at() + ": " + why);
            }
        }
        const auto done = connection_->read(buffer_.data(), std::min(buffer_.size(), max_head / 2));
        if (done.io == Connection::Io::again) {
            if (Step step = wait_until(until, "waiting for the answer"); !step.ok()) return step;
            continue;
        }
        if (done.io == Connection::Io::eof)
            return Step::retry(at() + ": the connection ended without an answer");
        if (done.io == Connection::Io::error)
            return Step::retry(at() + ": reading the answer: " + connection_->error());
        answer_.append(buffer_.data(), done.bytes);
        const int before = interim_;
        answer_.erase(0, skip_interim(answer_, interim_));
        if (!begun || interim_ != before)
            until = Clock::now() + timeout; // an interim answer is a sign of life
        begun = true;
    }
}

Step Exchange::redirect(std::string_view method)
{
    if (method != "GET" && head_.status != 307 && head_.status != 308)
        return Step::finish(End::refused,
                            at() + ": answered " + std::to_string(head_.status) +
                                ", a redirect that would drop the body; the server must answer 307 or 308");
    if (head_.header("location").empty())
        return Step::finish(End::refused,
                            at() + ": answered " + std::to_string(head_.status) + " without a Location");
    std::string why;
    auto next = resolve_url(url_, head_.header("location"), why);
    if (!next) return Step::finish(End::refused, at() + ": redirect: " + why);
    if (url_.tls && !next->tls)
        return Step::finish(End::denied, at() + ": redirects from https to http are not followed");
    url_ = std::move(*next);
    return {};
}

void Exchange::read_reply(std::string& reply)
{
    const std::size_t max_size = static_cast<std::size_t>(
        std::min<std::uint64_t>(head_.length.value_or(call_.max_reply), call_.max_reply));
    ChunkedDecoder chunks;
    std::size_t filled = early_.size();
    std::memmove(buffer_.data(), early_.data(), filled);
    const auto until = Clock::now() + options().answer_timeout;
    while (max_size > 0) {
        if (head_.chunked) filled = chunks.decode(buffer_.data(), filled);
        reply.append(buffer_.data(), std::min(filled, max_size - reply.size()));
        if (reply.size() >= max_size || chunks.done() || chunks.failed()) return;
        Connection::Done done;
        while ((done = connection_->read(buffer_.data(), buffer_.size())).io == Connection::Io::again)
            if (!wait_until(std::min(until, Clock::now() + options().idle_timeout), "reading the answer")
                     .ok())
                return;
        if (done.io != Connection::Io::ok) return;
        filled = done.bytes;
    }
}

} // namespace agenthost::netclient
