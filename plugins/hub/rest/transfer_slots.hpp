// Slots for file transfers: bounded in number and shared by agent and by token (shares.hpp), so that no
// single agent or token takes all of them. A slot is released with its last owner. Thread-safe.
#pragma once

#include "plugins/hub/core/shares.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

namespace agenthost::hub {

class TransferSlots {
public:
    using Slot = std::shared_ptr<void>;

    explicit TransferSlots(std::size_t max) : book_{std::make_shared<Book>(max)} {}

    // nullptr: none is free, and `why` (for people) names the share that is used up. Without a name no share
    // applies.
    [[nodiscard]] Slot take(std::string agent, std::string caller, std::string& why);
    [[nodiscard]] std::size_t taken() const;

private:
    struct Book {
        explicit Book(std::size_t max) : agents{max}, callers{max} {}
        mutable std::mutex mutex;
        Shares agents, callers; // of the same slots
    };
    std::shared_ptr<Book> book_;
};

} // namespace agenthost::hub
