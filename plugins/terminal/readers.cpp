#include "readers.hpp"

#include <algorithm>

namespace agenthost::terminal {

namespace {

using namespace std::chrono_literals;

constexpr auto linger = 30s; // for a reader that accepts nothing after the end

} // namespace

Readers::~Readers()
{
    for (Reader& r : all_)
        for (Loop::Timer* timer : {&r.flush, &r.stall}) loop_.cancel(*timer);
}

Reader& Readers::add(Request request, std::array<std::uint64_t, 2> from, std::uint64_t max)
{
    return all_.emplace_back(std::move(request), from, max);
}

Reader* Readers::find(agh_req id)
{
    const auto found = std::find_if(all_.begin(), all_.end(),
                                    [&](const Reader& r) { return r.request.id() == id && !r.over; });
    return found == all_.end() ? nullptr : &*found;
}

void Readers::serve()
{
    for (Reader& r : all_) serve(r);
    sweep();
}

void Readers::complete()
{
    complete_ = true;
    serve();
}

void Readers::writable(agh_req id)
{
    Reader* r = find(id);
    if (!r) return;
    r->blocked = r->stalled = false;
    loop_.cancel(r->stall); // it accepted something: restart its timer
    serve(*r);
    if (held_ && (!runner_ || runner_->lag(outputs_) < Reader::max_lag)) let_go();
    sweep();
}

void Readers::serve(Reader& r)
{
    if (r.over) return;
    r.pump(outputs_, loop_.now(), complete_ || !r.follows());
    if (r.served(outputs_) && (complete_ || !r.follows())) return answer(r);
    if (r.blocked) {
        if (complete_ && !r.stall) {
            r.stall = loop_.after(linger, [this, &r] {
                r.stall = 0;
                r.blocked = false;
                r.drop_to(outputs_, 0);
                answer(r);
                sweep();
            });
        }
        if (&r != runner_ || complete_ || r.lag(outputs_) < Reader::max_lag) return;
        if (r.stalled)
            r.drop_to(outputs_, Reader::max_lag);
        else
            hold_for(r);
        return;
    }
    Clock::time_point when;
    if (!r.flush && r.due(when, loop_.now()))
        r.flush = loop_.after(when - loop_.now(), [this, &r] {
            r.flush = 0;
            serve(r);
            sweep();
        });
}

// Pauses the command for its reader, for a while.
void Readers::hold_for(Reader& r)
{
    if (!held_) {
        held_ = true;
        command_.hold(true);
    }
    if (r.stall) return;
    r.stall = loop_.after(stall_timeout_, [this, &r] {
        r.stall = 0;
        r.stalled = true;
        r.drop_to(outputs_, Reader::max_lag);
        let_go();
    });
}

void Readers::let_go()
{
    held_ = false;
    command_.hold(false);
}

void Readers::answer(Reader& r)
{
    r.request.reply(command_.result(r, &r == runner_));
    r.over = true;
}

void Readers::refuse(Reader& r, std::string_view code, std::string_view why)
{
    r.request.fail(code, why);
    r.over = true;
    sweep();
}

void Readers::refuse_all(std::string_view code, std::string_view why, std::uint32_t how)
{
    for (Reader& r : all_) {
        if (r.over) continue;
        r.request.fail(code, why, {}, how);
        r.over = true;
    }
    sweep();
}

void Readers::sweep()
{
    for (auto at = all_.begin(); at != all_.end();) {
        if (!at->over) {
            ++at;
            continue;
        }
        loop_.cancel(at->flush);
        loop_.cancel(at->stall);
        if (&*at == runner_) runner_ = nullptr;
        at = all_.erase(at);
        command_.reader_left();
    }
}

} // namespace agenthost::terminal
