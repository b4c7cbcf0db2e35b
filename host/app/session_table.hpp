// Owns the sessions, one for each server of the configuration: started, replaced on reload, stopped with the
// daemon. Main I/O thread.
#pragma once

#include "host/config/config.hpp"
#include "host/session/session.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace agenthost::host {

class Conditions;
class NetworkTable;
class Registry;

class SessionTable {
public:
    struct Parts {
        boost::asio::any_io_executor main;
        Dispatcher& dispatcher;
        Facts& facts;
        const Registry& registry;
        const Conditions& conditions;
        NetworkTable& network;
        // When the daemon started, for the uptime in heartbeats.
        std::chrono::steady_clock::time_point started;
    };
    explicit SessionTable(Parts);
    ~SessionTable();

    void start(ConfigPtr);
    // Sessions that start or stop from now on use it; use() also changes running ones.
    void set_config(ConfigPtr config) { config_ = std::move(config); }
    // Applies a reload. Returns the changes: "server files: changed".
    std::vector<std::string> use(ConfigPtr);
    // Starts no further session.
    void close() { closed_ = true; }
    // Closes all sessions, and calls `done` after the last has closed.
    void stop(std::function<void()> done);

    // Skips the backoff and connects now. False: no server has this name.
    bool reconnect(const std::string& name);
    [[nodiscard]] std::vector<SessionStatus> status() const;

private:
    using Map = std::map<std::string, std::shared_ptr<Session>>;

    void start_one(const ServerConfig&);
    void replace(const std::string& name, std::shared_ptr<Session>);
    [[nodiscard]] std::string capabilities() const;
    void log_status();

    Parts parts_;
    ConfigPtr config_;
    Map sessions_;
    // Old sessions that are still closing, by server.
    Map leaving_;
    // The last logged state of each session.
    std::map<std::string, std::string> logged_;
    bool closed_ = false;
};

} // namespace agenthost::host
