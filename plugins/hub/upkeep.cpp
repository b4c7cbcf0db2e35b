#include "upkeep.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace agenthost::hub {

namespace {

// A changed secret file is used after two checks.
constexpr auto housekeeping_every = std::chrono::seconds{1};
constexpr auto expiry_every = std::chrono::minutes{10};

} // namespace

Worker::Clock::time_point Upkeep::tick()
{
    const auto now = core_.now();
    if (now >= next_housekeeping_) {
        next_housekeeping_ = now + housekeeping_every;
        housekeeping();
    }
    Timers::Time next;
    core_.strand.run([&]() UNDER_LOCK {
        core_.timers.run(core_.now());
        next = core_.timers.next();
    });
    return std::min(next, next_housekeeping_);
}

void Upkeep::housekeeping()
{
    secrets_.reread();
    expire();
    publish();
}

void Upkeep::expire()
{
    const auto now = core_.now();
    if (now < next_expiry_) return;
    next_expiry_ = now + expiry_every;
    disk_.store.expire(core_.utc());
    core_.strand.run([this]() UNDER_LOCK { tidy(); });
}

void Upkeep::tidy()
{
    agents_.book.upkeep([this](std::string_view agent) UNDER_LOCK { return agents_.sessions.online(agent); });
    disk_.nonces.tidy();
    std::vector<std::string> expired;
    for (const auto& [jti, jwt] : agents_.credentials.minted.jwts()) {
        if (jwt.expires <= core_.utc()) expired.push_back(jti);
    }
    for (const std::string& jti : expired) {
        if (!disk_.enrolments.remove_jwt(jti, {})) return; // the next time
        agents_.credentials.minted.remove_jwt(jti);
    }
}

void Upkeep::publish()
{
    core_.host.record(Metric::spool, double(disk_.spool->reserved()));
    std::string facts;
    core_.strand.run([&]() UNDER_LOCK {
        const std::size_t online = agents_.sessions.size();
        facts = base::json_object("online", online, "open_tasks", work_.commands.open(), "transfers",
                                  rest_.files.transfers());
        core_.host.record(Metric::agents, double(online));
    });
    if (facts == published_) return;
    published_ = facts;
    core_.host.publish("agents", facts);
}

} // namespace agenthost::hub
