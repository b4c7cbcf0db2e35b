// Receives the bodies of requests into files of the spool. Under the hub's lock; the disk is used on the
// worker.
//
// Refuses what is too large, does not fit or has another SHA-256 than X-Content-SHA256 says. A body slower
// than min_rate is cut off: it holds a slot that others could use.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/http/exchanges.hpp"
#include "plugins/hub/http/spool.hpp"

#include "base/rate_floor.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

class FileBodies {
public:
    using FilePtr = std::shared_ptr<SpoolFile>;
    struct Body {
        std::string agent, caller; // whose share of the spool it uses
        std::function<void(const FilePtr&)> received;
        std::function<void(const FilePtr&, std::uint64_t landed)> progress = {};
        std::function<void()> over = [] {}; // called if it was not received
        std::function<void()> wrong = {};   // called before if its SHA-256 is not the announced one
    };

    FileBodies(Core& core, std::shared_ptr<Spool> spool) : core_{core}, spool_{std::move(spool)} {}

    void receive(const Exchange&, const Head&, Body) UNDER_LOCK;

private:
    struct Rate { // of a body being received
        std::uint64_t landed = 0;
        base::RateFloor floor;
        Timers::Id timer{};
    };
    struct Incoming {
        Exchange exchange;
        Body body;
        std::uint64_t reserved = 0;        // bytes that are reserved for it
        std::optional<std::string> sha256; // that the head announced
        std::shared_ptr<Rate> rate;

        void refuse(int status, std::string_view code, const std::string& text) const UNDER_LOCK;
        void refuse(const base::DiskTrouble&) const UNDER_LOCK;
    };
    using IncomingPtr = std::shared_ptr<const Incoming>;

    // false: the head does not allow it, and that is answered.
    bool check(const Incoming&, const Head&) UNDER_LOCK;
    void open(const IncomingPtr&); // on the worker
    void opened(const IncomingPtr&, const FilePtr&) UNDER_LOCK;
    void ended(const Incoming&, const FilePtr&, const BodyEnd&) UNDER_LOCK;
    // The daemon says that the disk refused, but not how: asks the disk again, on the worker.
    void not_written(const Incoming&, const FilePtr&) UNDER_LOCK;
    void watch_rate(const Exchange&, const std::shared_ptr<Rate>&) UNDER_LOCK;

    Core& core_;
    std::shared_ptr<Spool> spool_;
};

} // namespace agenthost::hub
