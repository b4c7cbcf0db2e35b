// What all parts of the dispatcher share: the callers, the open requests, the schedule, the inbox, and what
// the host passed in. Everything else is private to a part.
//
// Main thread, except what `slots` and `inbox` mark as any thread. Owned by Dispatcher::Impl.
#pragma once

#include "alive.hpp"
#include "callers.hpp"
#include "dispatcher.hpp"
#include "host/dispatch/journal/journal.hpp"
#include "inbox.hpp"
#include "registry.hpp"
#include "schedule.hpp"
#include "slots.hpp"

#include "wire/codes.hpp"

namespace agenthost::host {

namespace code = wire::code;

struct Core {
    // `arrived`: the inbox has content. `due`: something of the schedule is due.
    Core(boost::asio::any_io_executor main_executor, Registry& r, Journal& j, Dispatcher::Options o,
         std::function<void()> arrived, std::function<void()> due)
        : main{std::move(main_executor)}, registry{r}, journal{j}, options{std::move(o)},
          callers{slots, options.agent_id}, schedule{main, options.clock, std::move(due)}, inbox{main,
                                                                                                 std::move(
                                                                                                     arrived)}
    {}

    [[nodiscard]] Clock::time_point now() const { return schedule.now(); }
    [[nodiscard]] Slot& slot_of(std::uint32_t index) { return *slots.at(index); }

    boost::asio::any_io_executor main;
    Registry& registry;
    Journal& journal;
    Dispatcher::Options options;
    DispatchStats stats;
    Slots slots;
    Callers callers;
    Schedule schedule;
    Inbox inbox;
    Alive alive;
};

} // namespace agenthost::host
