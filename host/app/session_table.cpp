#include "session_table.hpp"

#include "network_table.hpp"

#include "base/json_writer.hpp"
#include "host/dispatch/registry.hpp"
#include "host/observe/conditions.hpp"
#include "host/observe/log.hpp"
#include "host/observe/notify.hpp"

#include <set>
#include <utility>

namespace agenthost::host {

SessionTable::SessionTable(Parts parts) : parts_{std::move(parts)} {}
SessionTable::~SessionTable() = default;

void SessionTable::start(ConfigPtr config)
{
    config_ = std::move(config);
    for (const auto& server : config_->servers) start_one(server);
}

void SessionTable::start_one(const ServerConfig& server)
{
    SessionContext context{parts_.main,       parts_.dispatcher, parts_.facts,
                           config_->agent_id, AGENTHOST_VERSION, [this] { log_status(); }};
    context.state_dir = config_->state_dir.string();
    context.capabilities = [this] { return capabilities(); };
    context.healthy = [this] { return !parts_.conditions.any_but("server "); };
    context.started = parts_.started;
    context.on_origin = [this, name = server.name](const std::string& origin) {
        parts_.network.set_origin(name, origin);
    };
    context.warn = [name = server.name](const std::string& text) {
        log::write(log::Level::warn, "session " + name, text);
    };
    auto session = make_session(std::move(context), server);
    if (!session) {
        log::error("session " + server.name, "protocol " + server.protocol + " is not spoken by this build");
        return;
    }
    sessions_[server.name] = session;
    session->start();
}

std::vector<std::string> SessionTable::use(ConfigPtr config)
{
    config_ = std::move(config);
    std::vector<std::string> changes;
    std::map<std::string, const ServerConfig*> wanted;
    for (const auto& server : config_->servers) wanted[server.name] = &server;
    for (auto at = sessions_.begin(); at != sessions_.end();) {
        const auto want = wanted.find(at->first);
        if (want != wanted.end() && *want->second == at->second->config()) {
            wanted.erase(want);
            ++at;
            continue;
        }
        const auto name = at->first;
        auto old = std::move(at->second);
        changes.push_back("server " + name + (want == wanted.end() ? ": removed" : ": changed"));
        at = sessions_.erase(at);
        if (want != wanted.end()) wanted.erase(want);
        replace(name, std::move(old));
    }
    for (const auto& [name, server] : wanted) {
        changes.push_back("server " + name + ": added");
        if (!leaving_.contains(name)) start_one(*server);
    }
    return changes;
}

// Starts the new session after the old one has closed, so that an agent never has two, even if another reload
// replaces it again.
void SessionTable::replace(const std::string& name, std::shared_ptr<Session> old)
{
    leaving_[name] = old;
    old->stop(config_->shutdown_sessions, [this, old, name] {
        leaving_.erase(name);
        if (closed_ || sessions_.contains(name)) return;
        for (const auto& server : config_->servers)
            if (server.name == name) start_one(server);
    });
}

void SessionTable::stop(std::function<void()> done)
{
    close();
    // Includes sessions that a reload replaced and that are still closing.
    std::vector<std::shared_ptr<Session>> all;
    for (const auto& [name, session] : sessions_) all.push_back(session);
    for (const auto& [name, session] : leaving_) all.push_back(session);
    if (all.empty()) return done();
    auto left = std::make_shared<std::size_t>(all.size());
    for (const auto& session : all)
        session->stop(config_->shutdown_sessions, [left, done] {
            if (--*left == 0) done();
        });
}

bool SessionTable::reconnect(const std::string& name)
{
    const auto at = sessions_.find(name);
    if (at == sessions_.end()) return false;
    at->second->reconnect();
    return true;
}

std::vector<SessionStatus> SessionTable::status() const
{
    std::vector<SessionStatus> all;
    for (const auto& [name, session] : sessions_) all.push_back(session->status());
    return all;
}

// The capabilities of the plugins, as a JSON array.
std::string SessionTable::capabilities() const
{
    std::set<std::string> names;
    for (const Action* action : parts_.registry.all())
        if (action->keep) names.insert(action->keep->capabilities.begin(), action->keep->capabilities.end());
    std::string out;
    base::JsonWriter{out}.value(names);
    return out;
}

void SessionTable::log_status()
{
    std::size_t up = 0;
    std::erase_if(logged_, [this](const auto& logged) { return !sessions_.contains(logged.first); });
    for (const auto& [name, session] : sessions_) {
        const auto status = session->status();
        const bool connected = status.state == "ready";
        up += connected;
        // Logged only if it changes, not for every attempt of a long outage.
        // Example of a notice: "..., but this machine's clock is 400 s ahead".
        const std::string but = status.notice.empty() ? "" : ", but " + status.notice;
        const std::string now = connected ? "connected to " + status.url + but : status.problem;
        if (now.empty() || std::exchange(logged_[name], now) == now) continue;
        log::write(connected && but.empty() ? log::Level::info : log::Level::warn, "session " + name, now);
    }
    notify("STATUS=" + std::to_string(up) + " of " + std::to_string(sessions_.size()) + " servers connected");
}

} // namespace agenthost::host
