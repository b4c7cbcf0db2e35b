// Places for file transfers: bounded in number, shared by agent and by token (shares.hpp), so that neither one agent nor one token takes
// all of them. A place is given back when its last owner lets it go. Thread-safe.
#pragma once

#include "plugins/hub/core/shares.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

namespace agenthost::hub {

class TransferPlaces {
public:
    using Place = std::shared_ptr<void>;

    explicit TransferPlaces(std::size_t most) : book_{std::make_shared<Book>(most)} {}

    // nullptr: there is none now, and `why` (for people) says whose share is used up. Without a name there is no share.
    [[nodiscard]] Place take(std::string agent, std::string caller, std::string& why);
    [[nodiscard]] std::size_t taken() const;

private:
    struct Book {
        explicit Book(std::size_t most) : agents{most}, callers{most} {}
        mutable std::mutex mutex;
        Shares agents, callers; // of the same places
    };
    std::shared_ptr<Book> book_;
};

} // namespace agenthost::hub
