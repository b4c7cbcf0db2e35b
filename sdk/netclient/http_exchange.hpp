// Private to the HTTP client: runs one attempt of a transfer, from connecting to the response head, following
// redirects.
#pragma once

#include "base/buffer.hpp"
#include "base/sigpipe.hpp"
#include "connection.hpp"
#include "http_client.hpp"

#include <optional>
#include <string>

namespace agenthost::netclient {

// The result of an attempt or of one of its steps.
struct Step {
    enum class Next { go_on, retry, finish };
    Next next = Next::go_on;
    Transfer::End end = Transfer::End::done; // for finish
    std::string detail;

    [[nodiscard]] bool ok() const { return next == Next::go_on; }
    static Step retry(std::string detail) { return {Next::retry, Transfer::End::network, std::move(detail)}; }
    static Step finish(Transfer::End end, std::string detail = {})
    {
        return {Next::finish, end, std::move(detail)};
    }
};

Step after_wait(Wait, const char* doing, const Url&); // what a wait that was not `ready` means

// Of a body that moves too slowly, or nothing.
Step after_moving(base::RateFloor&, std::uint64_t moved, const base::RateFloor::Limits&, const Url&);

class Exchange {
public:
    Exchange(HttpClient& client, const HttpClient::Call& call, const WaitLimits& wait_limits,
             base::Buffer& buffer)
        : client_{client}, call_{call}, wait_limits_{wait_limits}, buffer_{buffer}, url_{call.url}
    {}

    // Connects, sends the request head, calls `send_body` for the body, reads the response head; follows
    // redirects.
    template <typename SendBody>
    Step run(std::string_view method, const Headers& headers, SendBody send_body);
    Step run(std::string_view method, const Headers& headers)
    {
        return run(method, headers, [] { return Step{}; });
    }

    Step send_all(const char* data, std::size_t size);
    Step wait(short events, std::chrono::milliseconds timeout, const char* doing);
    // For what the connection wants, no longer than that in all.
    Step wait_until(Clock::time_point, const char* doing);
    // Reads what the server sends while the body is being sent: skips interim responses (1xx); sets
    // `answered` when the final response has begun or the server has closed.
    Step read_early_answer(bool& answered);
    void
    read_reply(std::string& reply); // of a small answer, as far as max_reply; failures are not interesting

    [[nodiscard]] const ResponseHead& head() const { return head_; }
    // The part of the body that arrived with the head; not larger than the buffer.
    [[nodiscard]] std::string_view early_body() const { return early_; }
    [[nodiscard]] Connection& connection() { return *connection_; }
    [[nodiscard]] const Url& url() const { return url_; }
    [[nodiscard]] base::Buffer& buffer() { return buffer_; }
    [[nodiscard]] const WaitLimits& wait_limits() const { return wait_limits_; }
    [[nodiscard]] const HttpOptions& options() const { return client_.options(); }
    [[nodiscard]] std::string at() const { return url_.redacted(); }
    void reached(std::uint64_t bytes) const
    {
        if (call_.progress) call_.progress(bytes);
    }

private:
    Step connect();
    Step open_socket(const Proxy*, const AddressPolicy&);
    Step tunnel(const Proxy&);
    Step secure();
    Step handshake();
    Step send_request(std::string_view method, const Headers&);
    Step read_head(std::chrono::milliseconds timeout);
    Step redirect(std::string_view method); // to the new URL, or the reason why not

    HttpClient& client_;
    const HttpClient::Call& call_;
    const WaitLimits& wait_limits_;
    base::Buffer& buffer_;
    Url url_;
    std::optional<Connection> connection_;
    ResponseHead head_;
    std::string answer_; // its head, and what came with it
    int interim_ = 0;    // 1xx so far
    std::string_view early_;
};

inline bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

template <typename SendBody>
Step Exchange::run(std::string_view method, const Headers& headers, SendBody send_body)
{
    for (int redirects = 0;; ++redirects) {
        if (Step step = connect(); !step.ok()) return step;
        if (Step step = send_request(method, headers); !step.ok()) return step;
        if (Step step = send_body(); !step.ok()) return step;
        if (Step step = read_head(method == "GET" ? options().idle_timeout : options().answer_timeout);
            !step.ok())
            return step;
        if (!is_redirect(head_.status)) return {};
        if (redirects >= options().redirects)
            return Step::finish(Transfer::End::refused,
                                at() + ": more than " + std::to_string(redirects) + " redirects");
        if (Step step = redirect(method); !step.ok()) return step;
    }
}

// Runs attempts until one is final or the budget is used up. `account` tells the budget what the last one
// achieved.
template <typename Attempt, typename Account>
Transfer run_attempts(const HttpOptions& options, const WaitLimits& wait_limits, Attempt attempt,
                      Account account)
{
    Transfer transfer;
    RetryBudget budget{options.retry, Clock::now()};
    for (;;) {
        ++transfer.attempts;
        Step step = attempt(transfer);
        transfer.end = step.end;
        transfer.detail = std::move(step.detail);
        if (step.next != Step::Next::retry) return transfer;
        account(budget);
        const auto delay = budget.failed(Clock::now());
        if (!delay) {
            transfer.detail += "; gave up after " + std::to_string(transfer.attempts) + " attempts";
            return transfer;
        }
        const Wait waited = wait_for(-1, 0, *delay, wait_limits);
        if (waited == Wait::cancelled || waited == Wait::deadline) {
            transfer.end = waited == Wait::cancelled ? Transfer::End::cancelled : Transfer::End::deadline;
            return transfer;
        }
    }
}

} // namespace agenthost::netclient
