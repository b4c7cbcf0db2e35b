#include "reruns.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::host {

void Reruns::remember(const Request& r)
{
    // A person at this machine sees INTERRUPTED, and decides.
    const bool repeated_by_hand = r.caller->policy().by_operator;
    if (!r.idempotent || !r.row || r.answered || r.cancel_wanted || repeated_by_hand) return;
    Command command{.row = r.row,
                    .caller = *r.caller->name,
                    .plugin = *r.owner,
                    .id = r.own_id,
                    .word = r.own_word,
                    .params = r.params,
                    .target = r.target,
                    .deadline = r.deadline,
                    .until = core_.now() + keep_time};
    if (commands_.size() >= max_commands || bytes_ + size(command) > max_bytes) return;
    bytes_ += size(command);
    core_.schedule.wake_at(command.until);
    commands_.push_back(std::move(command));
}

bool Reruns::has(std::uint64_t row) const
{
    return std::ranges::find(commands_, row, &Command::row) != commands_.end();
}

std::vector<Reruns::Command> Reruns::take(std::string_view plugin)
{
    tick(core_.now());
    std::vector<Command> taken;
    std::deque<Command> left;
    for (Command& command : commands_) {
        if (command.plugin != plugin) {
            left.push_back(std::move(command));
            continue;
        }
        bytes_ -= size(command);
        taken.push_back(std::move(command));
    }
    commands_ = std::move(left);
    return taken;
}

void Reruns::tick(Clock::time_point now)
{
    while (!commands_.empty() && commands_.front().until <= now) {
        bytes_ -= size(commands_.front());
        commands_.pop_front();
    }
}

} // namespace agenthost::host
