#include "file_puts.hpp"

#include <utility>

namespace agenthost::hub {

std::string FilePuts::name(std::string_view agent, std::string_view file)
{
    return std::string{agent} + '/' + std::string{file}; // neither has a slash
}

FilePuts::Ptr FilePuts::find(const std::string& agent, const std::string& file)
{
    const auto it = puts_.find(name(agent, file));
    if (it == puts_.end()) return nullptr;
    if (it->second->done && core_.now() - it->second->ended > kept_for) {
        puts_.erase(it);
        return nullptr;
    }
    return it->second;
}

void FilePuts::make_space()
{
    if (puts_.size() < max_puts) return;
    std::erase_if(puts_, [this](const auto& entry) {
        return entry.second->done && core_.now() - entry.second->ended > kept_for;
    });
    for (auto it = puts_.begin(); puts_.size() >= max_puts && it != puts_.end();)
        it = it->second->done ? puts_.erase(it) : std::next(it);
}

void FilePuts::add(const Ptr& put)
{
    make_space();
    if (puts_.size() < max_puts) puts_.insert_or_assign(name(put->agent, put->file), put);
}

void FilePuts::ended(const Ptr& put, Answer outcome, bool success)
{
    put->done = true;
    put->ended = core_.now();
    put->outcome = std::move(outcome);
    for (const Exchange& exchange : std::exchange(put->waiting, {})) exchange.answer(put->outcome);
    const auto mine = puts_.find(name(put->agent, put->file));
    if (!success && mine != puts_.end() && mine->second == put) puts_.erase(mine);
}

void FilePuts::forget(const std::string& agent, const std::string& file) { puts_.erase(name(agent, file)); }

void FilePuts::forget_all(std::string_view agent)
{
    std::erase_if(puts_, [agent](const auto& entry) { return entry.second->agent == agent; });
}

} // namespace agenthost::hub
