#include "listener_set.hpp"

#include "host/observe/log.hpp"

#include <algorithm>

namespace agenthost::host {

namespace {

void note(Reloaded& answer, const std::string& change, const std::string& problem)
{
    if (!problem.empty()) {
        log::error("reload", problem);
        answer.failed.push_back(problem);
    } else if (!change.empty()) {
        answer.changes.push_back(change);
    }
}

} // namespace

ListenerSet::ListenerSet(const std::vector<boost::asio::io_context*>& loops) : listeners_{loops}
{
    listeners_.on_renewal([](const std::string& name, const std::string& problem) {
        if (problem.empty())
            log::info("listener " + name, "uses its renewed certificate");
        else
            log::warn("listener " + name, "keeps its old certificate: " + problem);
    });
}

Certificates ListenerSet::read_certificates(const Config& config)
{
    Certificates read;
    for (const auto& listener : config.listeners) read[listener.name] = Listeners::read_tls(listener);
    return read;
}

std::string ListenerSet::bind(const Config& config)
{
    for (const auto& listener : config.listeners) {
        if (auto problem = listeners_.add(listener); !problem.empty()) return problem;
        bound_[listener.name] = listener;
    }
    return {};
}

void ListenerSet::open()
{
    listeners_.open();
    for (const auto& listener : listeners_.status())
        for (const auto& address : listener.addresses)
            log::info("listener " + listener.name, "listening on " + address);
}

void ListenerSet::reload(const Config& wanted, Certificates certificates, Reloaded& answer)
{
    std::vector<std::string> gone;
    for (const auto& [name, open] : bound_)
        if (std::ranges::find(wanted.listeners, name, &ListenerConfig::name) == wanted.listeners.end())
            gone.push_back(name);
    for (const auto& name : gone) {
        note(answer, "listener " + name + ": closed", listeners_.remove(name));
        bound_.erase(name);
    }
    for (const auto& now : wanted.listeners) {
        const auto old = bound_.find(now.name);
        const bool is_new = old == bound_.end(), changed = is_new || old->second != now;
        if (!changed && !now.tls) continue;
        auto& certificate = certificates[now.name];
        const auto problem = is_new ? listeners_.add(now, std::move(certificate))
                                    : listeners_.reload(now, std::move(certificate));
        const char* what = is_new ? ": opened" : ": reloaded";
        note(answer, changed ? "listener " + now.name + what : "", problem);
        if (problem.empty()) bound_[now.name] = now;
    }
    listeners_.open();
}

} // namespace agenthost::host
