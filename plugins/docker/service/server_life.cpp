#include "server_life.hpp"

#include <agenthost/error.hpp>

#include <utility>

namespace agenthost::docker::service {

std::unique_ptr<ServerLife::Stay> ServerLife::enter(base::Cancel& cancel)
{
    const std::scoped_lock lock{mutex_};
    if (ended_)
        throw Error{"SERVER_NOT_FOUND", "the server was deleted before this command's turn came",
                    AGH_E_NOT_FOUND};
    auto stay = std::make_unique<Stay>(shared_from_this(), cancel);
    inside_.insert(&cancel);
    return stay;
}

void ServerLife::end(std::function<void()> then)
{
    {
        const std::scoped_lock lock{mutex_};
        ended_ = true;
        for (base::Cancel* const cancel : inside_) cancel->set();
        if (!inside_.empty()) {
            then_ = std::move(then);
            return;
        }
    }
    then();
}

bool ServerLife::ended() const
{
    const std::scoped_lock lock{mutex_};
    return ended_;
}

void ServerLife::leave(base::Cancel& cancel)
{
    std::function<void()> then;
    {
        const std::scoped_lock lock{mutex_};
        inside_.erase(&cancel);
        if (inside_.empty()) then = std::exchange(then_, nullptr);
    }
    if (then) then();
}

} // namespace agenthost::docker::service
