// What decides the next step of a machine, as text and as a key.
#include "machine.hpp"

#include <algorithm>
#include <bit>

namespace agenthost::docker::server {

namespace {

class StateText {
public:
    void flag(const char* name, bool holds)
    {
        if (holds) out.append(" ").append(name);
    }
    // What matters to messages only.
    template <class Enum> void aside(const char* name, Enum value) { choice(name, value, 0); }
    template <class Enum> void choice(const char* name, Enum value, unsigned)
    {
        out.append(" ").append(name).append("=").append(to_string(value));
    }
    void number(const char* name, unsigned value, unsigned)
    {
        out.append(" ").append(name).append("=").append(std::to_string(value));
    }
    std::string out;
};

class Bits {
public:
    void flag(const char*, bool holds) { add(holds ? 1 : 0, 2); }
    template <class Enum> void aside(const char*, Enum) {}
    template <class Enum> void choice(const char*, Enum value, unsigned count)
    {
        add(static_cast<unsigned>(value), count);
    }
    void number(const char*, unsigned value, unsigned count) { add(std::min(value, count - 1), count); }
    Machine::Key out{};

private:
    void add(std::uint64_t value, unsigned count)
    {
        const unsigned width = std::bit_width(count - 1);
        if (used_ / 64 != (used_ + width - 1) / 64) used_ = (used_ / 64 + 1) * 64; // not across two words
        out.at(used_ / 64) |= value << used_ % 64;
        used_ += width;
    }
    unsigned used_ = 0;
};

template <class Out> void tell_stop(Out& out, const StopOptions& stop)
{
    out.flag("timeout", stop.timeout.has_value());
    out.flag("signal", !stop.signal.empty());
}

} // namespace

// Each member is written under the same conditions every time, so that equal keys are equal states.
template <class Out> void Machine::tell(Out& out) const
{
    out.choice("goal", record_.goal, 7);
    out.flag("wanted", record_.wants_running);
    out.number("install", static_cast<unsigned>(record_.install), 3);
    out.flag("installer_ran", record_.installer_ran);
    out.flag("install_over", record_.install_over);
    out.flag("by_person", record_.asked);
    out.flag("gave_up", record_.gave_up);
    out.flag("ready", record_.ready);
    out.flag("run", !record_.run.empty());
    out.flag("judged", !record_.judged_run.empty());
    out.flag("fault", !record_.fault.code.empty());
    out.flag("away", away_);
    out.flag("engine_restarted", engine_restarted_);
    out.flag("loose_start", loose_start_);
    out.flag("oom", oom_);
    out.flag("backing_off", backing_off_);
    out.flag("working", calls_.working());
    if (calls_.working()) out.choice("call", calls_.work_verb(), 13);
    out.flag("given_up", calls_.given_up());
    out.flag("killing", calls_.killing());
    if (calls_.killing()) out.choice("kill", calls_.kill_verb(), 13);
    out.flag("looking", calls_.looking());
    out.flag("look_again", calls_.looks_again());
    out.flag("repeats_look", calls_.repeats_look());
    out.flag("look_outdated", calls_.look_outdated());
    out.flag("known", calls_.known());
    if (calls_.known()) {
        const Facts& view = calls_.view();
        out.number("server", static_cast<unsigned>(view.server.is), 4);
        out.number("installer", static_cast<unsigned>(view.installer.is), 4);
        out.flag("installer_failed", view.installer.exit_code != 0);
    }
    out.number("progress", static_cast<unsigned>(attempt_.progress), 6);
    out.flag("asked", attempt_.asked);
    out.flag("out_of_time", attempt_.out_of_time);
    out.flag("killed", attempt_.killed);
    out.flag("of_installer",
             (attempt_.killed || stuck_ == Stuck::killing) && attempt_.kill == Verb::remove_installer);
    out.flag("overdue", attempt_.overdue);
    out.flag("tried_again", attempt_.tried_again);
    out.flag("early_ready", attempt_.ready);
    out.flag("failure", attempt_.failure.has_value());
    out.number("stuck", static_cast<unsigned>(stuck_), 4);
    out.flag("retried", retries_ > 0);
    tell_stop(out, record_.stop);
    out.flag("running", requests_.running().has_value());
    if (requests_.running()) out.aside("action", requests_.running()->action);
    out.flag("answered", requests_.answered());
    out.flag("waiting", record_.next.has_value());
    if (record_.next) {
        out.choice("action", record_.next->action, 6);
        out.flag("then_start", record_.next->then_start);
        tell_stop(out, record_.next->stop);
    }
    for (int timer = 0; timer < timers; ++timer)
        out.flag(to_string(static_cast<Timer>(timer)).data(), effects_.armed(static_cast<Timer>(timer)));
    const auto crashes = static_cast<unsigned>(std::min(crashes_.crashes(), settings_.crash_limits.count));
    out.number("crashes", crashes, 16);
}

std::string Machine::describe() const
{
    StateText text;
    text.out = to_string(state());
    tell(text);
    return text.out;
}

Machine::Key Machine::key() const
{
    Bits bits;
    tell(bits);
    return bits.out;
}

} // namespace agenthost::docker::server
