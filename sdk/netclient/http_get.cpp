// A GET: reads bodies from the socket into page-aligned memory and passes large pieces to the sink; resumes
// after a break.
#include "chunked.hpp"
#include "http_exchange.hpp"

#include <algorithm>
#include <cstring>

namespace agenthost::netclient {

using std::chrono::milliseconds;
using End = Transfer::End;

namespace {

// A partly filled buffer goes to the sink after this time, so that a slow transfer shows progress.
constexpr milliseconds flush_after{100};

class Get {
public:
    Get(HttpClient& client, const HttpClient::Call& call, Sink& sink, const WaitLimits& wait_limits)
        : client_{client}, call_{call}, sink_{sink}, wait_limits_{wait_limits}
    {}

    Step attempt(Transfer& transfer)
    {
        // Checked between attempts too: a peer that disconnects after every few bytes is as slow as one that
        // trickles.
        if (Step step = keep_pace(call_.url); !step.ok()) return step;
        Exchange exchange{client_, call_, wait_limits_, buffer_};
        const bool resuming = received_ > 0 && can_resume();
        Headers headers;
        if (resuming) {
            headers.emplace_back("Range", "bytes=" + std::to_string(received_) + "-");
            if (!validator_.empty()) headers.emplace_back("If-Range", validator_);
        }
        if (Step step = exchange.run("GET", headers); !step.ok()) return step;
        transfer.status = exchange.head().status;
        if (Step step = judge(exchange, resuming, transfer); !step.ok()) return step;
        if (!sink_.begin(total_)) return Step::finish(End::stopped);
        return body(exchange);
    }

    [[nodiscard]] std::uint64_t best() const { return best_; }

private:
    Step keep_pace(const Url& url) { return after_moving(floor_, on_wire_, client_.options().min_rate, url); }

    [[nodiscard]] bool can_resume() const { return !validator_.empty() || sink_.verifies_content(); }

    // Decides from the head whether the bytes received so far can be continued.
    Step judge(const Exchange& exchange, bool resuming, Transfer& transfer)
    {
        const ResponseHead& head = exchange.head();
        const std::string answered = exchange.at() + ": answered " + std::to_string(head.status);
        if (head.status >= 500 || head.status == 408) return Step::retry(answered);
        if (const std::string coding = content_coding(head);
            !coding.empty() && (head.status == 200 || head.status == 206))
            return Step::finish(End::refused, answered + " with Content-Encoding " + coding.substr(0, 40) +
                                                  ", which was not requested");
        if (head.status == 416 && resuming) {
            const auto range = parse_content_range(head.header("content-range"));
            if (range && range->total == received_ && !range->first)
                return Step::finish(End::done); // only the end was missing
            if (Step step = start_over(); !step.ok()) return step;
            return Step::retry(answered + ": it does not have the rest of the file");
        }
        if (head.status == 206 && resuming) {
            const auto range = parse_content_range(head.header("content-range"));
            const bool fits =
                range && range->first == received_ && (!total_ || !range->total || range->total == total_) &&
                (validator_.empty() || validator_ == validator_of(head) || validator_of(head).empty());
            if (!fits) {
                if (Step step = start_over(); !step.ok()) return step;
                return Step::retry(answered + ", but with a different range than requested");
            }
            transfer.resumed += received_;
            if (range->total)
                total_ = range->total;
            else if (head.length)
                total_ = received_ + *head.length;
            return {};
        }
        if (head.status != 200) return Step::finish(End::refused, answered);
        if (received_ > 0)
            if (Step step = start_over(); !step.ok()) return step;
        total_ = head.length;
        if (!total_ && !head.chunked && !sink_.knows_end())
            return Step::finish(
                End::refused,
                answered +
                    " with neither Content-Length nor chunks, so that truncation could not be detected");
        validator_ = validator_of(head);
        return {};
    }

    // RFC 9110, 13.1.5: only strong validators. Last-Modified is one when it is not the very second of the
    // answer.
    static std::string validator_of(const ResponseHead& head)
    {
        const auto modified = head.header("last-modified"), date = head.header("date");
        if (head.header("etag").starts_with('"')) return std::string{head.header("etag")};
        if (!modified.empty() && !date.empty() && modified != date) return std::string{modified};
        return {};
    }

    Step start_over()
    {
        received_ = 0;
        total_.reset();
        validator_.clear();
        return sink_.restart() ? Step{} : Step::finish(End::stopped);
    }

    bool flush()
    {
        if (filled_ == 0) return true;
        last_flush_ = Clock::now();
        const std::size_t size = std::exchange(filled_, 0);
        if (!sink_.write(buffer_.data(), size)) return false;
        received_ += size;
        best_ = std::max(best_, received_);
        if (call_.progress) call_.progress(received_);
        return true;
    }

    // Reads the body; bytes received before a failure are kept for the next attempt.
    Step body(Exchange& exchange)
    {
        const auto early = exchange.early_body();
        const ResponseHead& head = exchange.head();
        ChunkedDecoder chunks;
        // Bytes still to come on the wire of a body with a length; one without ends with its last chunk or
        // the connection.
        std::optional<std::uint64_t> left = head.chunked ? std::nullopt : head.length;
        filled_ =
            static_cast<std::size_t>(std::min<std::uint64_t>(early.size(), left.value_or(early.size())));
        std::memmove(buffer_.data(), early.data(), filled_);
        if (left) *left -= filled_;
        if (head.chunked) filled_ = chunks.decode(buffer_.data(), filled_);
        Step step;
        while (step.ok() && !(left ? *left == 0 : chunks.done())) {
            if (chunks.failed()) {
                step = Step::retry(exchange.at() + ": the answer's chunks are malformed");
                break;
            }
            if (filled_ == buffer_.size() && !flush()) return Step::finish(End::stopped);
            const auto free_space = buffer_.size() - filled_;
            const auto want =
                static_cast<std::size_t>(std::min<std::uint64_t>(free_space, left.value_or(free_space)));
            const auto done = exchange.connection().read(buffer_.data() + filled_, want);
            if (done.io == Connection::Io::ok) {
                on_wire_ += done.bytes;
                if (left) *left -= done.bytes;
                filled_ += head.chunked ? chunks.decode(buffer_.data() + filled_, done.bytes) : done.bytes;
            } else if (done.io == Connection::Io::again) {
                step = pause(exchange);
            } else if (done.io == Connection::Io::eof && !left && !head.chunked) {
                break; // the end, which the sink can tell from a cut
            } else {
                step = Step::retry(
                    exchange.at() + ": the connection broke off after " +
                    std::to_string(received_ + filled_) + " bytes" +
                    (done.io == Connection::Io::error ? ": " + exchange.connection().error() : ""));
            }
        }
        if (!flush()) return Step::finish(End::stopped);
        return step.ok() ? Step::finish(End::done) : step;
    }

    Step pause(Exchange& exchange)
    {
        if (Step step = keep_pace(exchange.url()); !step.ok()) return step;
        const short events = exchange.connection().wanted();
        milliseconds timeout = client_.options().idle_timeout;
        if (filled_ > 0 && Clock::now() - last_flush_ > flush_after && !flush())
            return Step::finish(End::stopped);
        if (filled_ > 0 && flush_after < timeout) {
            const Wait soon = wait_for(exchange.connection().fd(), events, flush_after, wait_limits_);
            if (soon != Wait::timeout) return after_wait(soon, "receiving", exchange.url());
            if (!flush()) return Step::finish(End::stopped);
            timeout -= flush_after;
        }
        return exchange.wait(events, timeout, "receiving");
    }

    HttpClient& client_;
    const HttpClient::Call& call_;
    Sink& sink_;
    const WaitLimits& wait_limits_;
    base::Buffer buffer_{transfer_buffer(call_.url)};
    std::size_t filled_ = 0;     // of the buffer, not with the sink yet
    std::uint64_t received_ = 0; // with the sink
    std::uint64_t best_ = 0;     // the most that ever was
    std::uint64_t on_wire_ = 0;  // of bodies, of all attempts
    base::RateFloor floor_{client_.options().min_rate, Clock::now()};
    std::optional<std::uint64_t> total_;
    std::string validator_;
    Clock::time_point last_flush_ = Clock::now();
};

} // namespace

Transfer HttpClient::get(const Call& call, Sink& sink, const WaitLimits& wait_limits)
{
    const base::IgnoreSigpipe no_signal;
    Get get{*this, call, sink, wait_limits};
    return run_attempts(
        options_, wait_limits, [&get](Transfer& transfer) { return get.attempt(transfer); },
        [&get](RetryBudget& budget) { budget.reached(get.best(), Clock::now()); });
}

} // namespace agenthost::netclient
