// A session with everything behind it that is real: dispatcher, journal, and a plugin made of a few lines.
#pragma once

#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/facts.hpp"
#include "host/dispatch/journal/journal.hpp"
#include "host/plugin/plugin.hpp"
#include "host/session/session.hpp"
#include "server.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace agenthost::test {

using Json = nlohmann::json;
using namespace std::chrono_literals;

// echo.say answers with its params, echo.write does so with effects, echo.big answers with {"bytes": N}
// bytes, echo.hold waits for release().
class EchoPlugin final : public host::Plugin {
public:
    EchoPlugin();
    void attach(host::Dispatcher& dispatcher) { dispatcher_ = &dispatcher; }
    void release();
    std::size_t held() const { return held_.size(); }
    agh_req held_id() const { return held_.back(); }
    std::size_t invoked = 0;

    const host::Manifest& manifest() const override { return *manifest_; }
    std::shared_ptr<const host::Manifest> shared_manifest() const { return manifest_; }
    host::PluginStatus status() const override { return {}; }
    void start(Done done) override { done({}); }
    void configure(std::string, Done done) override { done({}); }
    void stop(std::chrono::milliseconds, Done done) override { done({}); }
    void check_health(Done done) override { done({}); }
    agh_status invoke(const agh_request&, agh_error&) override;
    void cancel(agh_req) override {}
    void writable(agh_req) override {}
    void overdue(agh_req, std::string) override {}

private:
    void reply(agh_req, std::string_view json);

    std::shared_ptr<const host::Manifest> manifest_;
    host::Dispatcher* dispatcher_ = nullptr;
    std::vector<agh_req> held_;
};

// ca.pem; server.pem and server.key for localhost and 127.0.0.1; other-ca.pem.
const TempDir& certificates();

class SessionTest : public testing::Test {
protected:
    SessionTest();
    ~SessionTest() override;

    host::ServerConfig config(const std::string& url);
    host::ServerConfig config()
    {
        return config("ws://127.0.0.1:" + std::to_string(server->port()) + "/agent?token=query-secret");
    }
    void serve(Server::Options options = {}) { server = Server::make(io, std::move(options)); }
    // A server of another protocol than storage, on the same port.
    host::ServerConfig config_of(const std::string& protocol, const std::string& section = "{}");
    void connect(host::ServerConfig);
    bool until(const std::function<bool()>& condition, std::chrono::milliseconds most = max_wait);
    bool ready()
    {
        return until([&] { return session->status().state == "ready"; });
    }
    // How the state changed, each once.
    [[nodiscard]] std::string problem() const { return session->status().problem; }
    Peer& peer(std::size_t i = 0) { return *server->peers.at(i); }
    void stop(std::chrono::milliseconds grace = 5s);

    boost::asio::io_context io{1};
    TempDir dir;
    EchoPlugin plugin;
    host::Registry registry;
    host::Facts facts;
    std::string state_dir;
    std::string said; // every problem, notice and URL a status ever showed: what a log would have
    std::vector<std::string> warned; // lines for the log
    std::unique_ptr<host::Journal> journal;
    std::unique_ptr<host::Dispatcher> dispatcher;
    std::unique_ptr<Server> server;
    std::shared_ptr<host::Session> session;
    bool stopped = false;
};

std::string command(const std::string& action, const std::string& id, Json params = Json::object());

} // namespace agenthost::test
