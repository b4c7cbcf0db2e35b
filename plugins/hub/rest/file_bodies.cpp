#include "file_bodies.hpp"

#include "plugins/hub/http/not_saved.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace {

// A chunked body does not say how long it will be: this much is reserved for it, and it may not be longer.
constexpr std::uint64_t max_chunked = 1ULL << 30;
constexpr auto rate_window = std::chrono::seconds{60};
// Bytes of a body that the daemon may hold before it reports progress.
constexpr std::uint64_t unreported = 512U << 10;
constexpr const char* no_space =
    "The hub's transfer folder is full: no part of plugins.hub.config.spool_bytes is left for this "
    "agent and this token; try again later";

} // namespace

void FileBodies::Incoming::refuse(int status, std::string_view code, const std::string& text) const
{
    exchange.refuse(status, code, text);
    body.over();
}

void FileBodies::Incoming::refuse(const base::DiskTrouble& why) const
{
    refuse(disk_status(why), why.code, why.text);
}

bool FileBodies::check(const Incoming& in, const Head& head)
{
    if (in.reserved > core_.config.max_file) {
        in.refuse(413, "TOO_LARGE",
                  "The body is larger than the hub's limit of " + std::to_string(core_.config.max_file) +
                      " bytes (plugins.hub.config.max_file)");
        return false;
    }
    if (!head.header("x-content-sha256").empty() && !in.sha256) {
        in.refuse(400, "INVALID_REQUEST", "X-Content-SHA256 is not 64 hex digits");
        return false;
    }
    return true;
}

void FileBodies::receive(const Exchange& exchange, const Head& head, Body body)
{
    const auto in = std::make_shared<const Incoming>(Incoming{
        .exchange = exchange,
        .body = std::move(body),
        .reserved = head.chunked ? std::min(core_.config.max_file, max_chunked) : head.length.value_or(0),
        .sha256 = parse_sha256(head.header("x-content-sha256")),
        .rate = std::make_shared<Rate>(
            Rate{.floor = base::RateFloor{{core_.config.min_rate, rate_window}, core_.now()}})});
    if (!check(*in, head)) return;
    exchange.on_closed([this, rate = in->rate, over = in->body.over]() UNDER_LOCK {
        core_.timers.cancel(rate->timer);
        over();
    });
    if (!core_.blocking([this, in] { open(in); }))
        in->refuse(503, "BUSY", "Too many transfers are waiting to start; try again later");
}

void FileBodies::open(const IncomingPtr& in)
{
    base::DiskTrouble problem;
    const FilePtr file = spool_->open(in->reserved, in->body.agent, in->body.caller, problem);
    core_.strand.run([&]() UNDER_LOCK {
        core_.host.record(Metric::spool, double(spool_->reserved()));
        if (!in->exchange.there()) return; // the peer left meanwhile
        if (file)
            opened(in, file);
        else
            in->refuse(problem);
    });
}

void FileBodies::opened(const IncomingPtr& in, const FilePtr& file)
{
    watch_rate(in->exchange, in->rate);
    in->exchange.receive(
        file, in->reserved,
        [in, file](std::uint64_t landed) {
            in->rate->landed = landed;
            if (!file->grow(landed)) return false;
            if (in->body.progress) in->body.progress(file, landed);
            return true;
        },
        [this, in, file](const BodyEnd& end) UNDER_LOCK { ended(*in, file, end); });
}

void FileBodies::ended(const Incoming& in, const FilePtr& file, const BodyEnd& end)
{
    core_.timers.cancel(in.rate->timer);
    if (end.status == AGH_E_INVALID || end.status == AGH_E_CLOSED)
        return; // the host has answered; on_closed follows
    if (!file->grow(end.status == AGH_OK ? end.length : in.rate->landed))
        return in.refuse(507, "DISK_FULL", no_space);
    if (end.status != AGH_OK) return not_written(in, file);
    core_.host.record(Metric::bytes_in, double(end.length));
    if (in.sha256 && *in.sha256 != end.sha256) {
        if (in.body.wrong) in.body.wrong();
        return in.refuse(422, "INVALID_REQUEST",
                         "The body's SHA-256 is " + end.sha256 + ", X-Content-SHA256 says " + *in.sha256 +
                             "; send the file again");
    }
    file->complete(end.length, end.sha256);
    in.exchange.on_closed({});
    in.body.received(file);
}

void FileBodies::not_written(const Incoming& in, const FilePtr& file)
{
    const auto ask = [this, in, file] {
        const base::DiskTrouble why = spool_->why_not_written(*file, in.rate->landed);
        core_.strand.run([&]() UNDER_LOCK {
            if (in.exchange.there()) in.refuse(why);
        });
    };
    if (core_.blocking(ask)) return;
    in.refuse({"DISK_ERROR", "The hub could not write the body to its transfer folder; try again later"});
}

void FileBodies::watch_rate(const Exchange& exchange, const std::shared_ptr<Rate>& rate)
{
    if (core_.config.min_rate == 0) return;
    rate->timer = core_.after(rate_window, [this, exchange, rate]() UNDER_LOCK {
        // What the daemon may hold counts as arrived, but only in the first window: later windows hold the
        // same bytes.
        if (rate->floor.too_slow(rate->landed + unreported, core_.now())) {
            core_.log_stranger(
                "dropped a transfer whose body arrived slower than plugins.hub.config.min_rate");
            return exchange.cut(1008, "the body arrived too slowly");
        }
        watch_rate(exchange, rate);
    });
}

} // namespace agenthost::hub
