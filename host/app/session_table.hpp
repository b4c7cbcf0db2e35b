// Owns the sessions, one for each server of the configuration: started, replaced on reload, stopped with the daemon. Main I/O thread.
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
    struct Rooms {
        boost::asio::any_io_executor main;
        Dispatcher& dispatcher;
        Facts& facts;
        const Registry& registry;
        const Conditions& conditions;
        NetworkTable& network;
        // Of the daemon: heartbeats' uptime.
        std::chrono::steady_clock::time_point started;
    };
    explicit SessionTable(Rooms);
    ~SessionTable();

    void start(ConfigPtr);
    // Sessions that start or stop from now on follow it; use() changes those that run.
    void set_config(ConfigPtr config) { config_ = std::move(config); }
    // After a reload: "server files: changed".
    std::vector<std::string> use(ConfigPtr);
    // None is started from now on.
    void close() { closed_ = true; }
    // All say goodbye; `done` when the last has.
    void stop(std::function<void()> done);

    // At once, whatever the backoff says. False: no such server.
    bool reconnect(const std::string& name);
    [[nodiscard]] std::vector<SessionStatus> status() const;

private:
    using Map = std::map<std::string, std::shared_ptr<Session>>;

    void start_one(const ServerConfig&);
    void replace(const std::string& name, std::shared_ptr<Session>);
    [[nodiscard]] std::string capabilities() const;
    void say_status();

    Rooms rooms_;
    ConfigPtr config_;
    Map sessions_;
    // Servers whose old session still says goodbye.
    Map leaving_;
    // The log's last word on each session.
    std::map<std::string, std::string> said_;
    bool closed_ = false;
};

} // namespace agenthost::host
