#include "server_time.hpp"

#include "base/http_date.hpp"
#include "host/session/utc.hpp"

#include <utility>

namespace agenthost::host {

namespace {

// Between two requests: an origin may send no Date at all.
constexpr std::int64_t ask_pause_ms = 10 * 60'000;

} // namespace

std::int64_t ServerTime::now() const { return clock_.now(utc_now_ms(), running_ms()); }

void ServerTime::measure(const std::string& date) { measure(date, utc_now_ms(), running_ms()); }

void ServerTime::measure(const std::string& text, std::int64_t utc_ms, std::int64_t running)
{
    if (!needed_) return;
    if (const auto date = base::parse_http_date(text)) clock_.measure(*date, utc_ms, running);
}

bool ServerTime::must_ask(const std::string& date) const
{
    return needed_ && date.empty() && !(asked_at_ && running_ms() - *asked_at_ < ask_pause_ms);
}

void ServerTime::ask(std::function<void()> done)
{
    asked_at_ = running_ms();
    struct Reply {
        std::string date;
        std::int64_t utc_ms = 0, running = 0;
    };
    const bool started = asking_.start<Reply>(
        main_,
        [call = origin_] {
            const HttpReply reply = http_call(call);
            return Reply{reply.date, utc_now_ms(), running_ms()};
        },
        [this, done](const Reply& reply) {
            measure(reply.date, reply.utc_ms, reply.running);
            done();
        });
    if (!started) done();
}

std::string ServerTime::refused()
{
    clock_.refused();
    return clock_.refusal();
}

} // namespace agenthost::host
