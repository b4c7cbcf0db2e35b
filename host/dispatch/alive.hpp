// Wraps handlers so that they do nothing once their owner is destroyed. guard() may be called on any thread
// while the owner lives; the handlers run on the owner's thread. Owned by the object whose handlers it
// guards.
#pragma once

#include <memory>
#include <utility>

namespace agenthost::host {

class Alive {
public:
    template <class Handler> auto guard(Handler handler) const
    {
        return [weak = std::weak_ptr{token_}, handler = std::move(handler)](auto&&... args) mutable {
            if (!weak.expired()) handler(std::forward<decltype(args)>(args)...);
        };
    }

private:
    std::shared_ptr<bool> token_ = std::make_shared<bool>(true);
};

} // namespace agenthost::host
