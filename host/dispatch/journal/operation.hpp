// Carries one request to the journal's thread, and its answer back after the commit.
//
// A value; belongs to the thread that holds it.
#pragma once

#include "journal.hpp"
#include "types.hpp"

#include <functional>
#include <string>
#include <vector>

namespace agenthost::host {

struct Operation {
    enum class Kind : std::uint8_t { begin, rerun, finish, replace, undelivered, expire, share } kind;
    std::string caller, id, action;
    Digest digest{};
    bool by_operator = false;
    // share
    std::vector<std::string> callers;
    // finish, replace; its row also for rerun
    FinishedRow result;
    // undelivered
    std::uint64_t after = 0;
    std::size_t max_rows = 0;

    std::function<void(Journal::Begun)> on_begun;
    std::function<void(std::uint64_t)> on_rerun;
    std::function<void(bool, std::uint64_t)> on_finished;
    std::function<void(std::vector<Journal::Undelivered>)> on_page;

    Journal::Begun begun;
    bool ok = false;
    // finish; rerun: the new row
    std::uint64_t sequence = 0;
    std::vector<Journal::Undelivered> page;

    // Main thread.
    void answer()
    {
        switch (kind) {
        case Kind::begin: return on_begun(std::move(begun));
        case Kind::rerun: return on_rerun(sequence);
        case Kind::finish:
            if (on_finished) on_finished(ok, sequence);
            return;
        case Kind::undelivered: return on_page(std::move(page));
        case Kind::replace:
        case Kind::expire:
        case Kind::share: return;
        }
    }
};

} // namespace agenthost::host
