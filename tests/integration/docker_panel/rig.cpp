#include "rig.hpp"

#include "tests/support/secrets.hpp"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <utility>

namespace agenthost::test {

using nlohmann::json;

// ---- the panel ----

Panel::Panel(std::filesystem::path folder, const Tls& tls)
    : folder_{std::move(folder)}, tls_{!tls.certificate.empty()}
{
    std::filesystem::create_directories(folder_);
    const auto script = source_dir() / "tests/integration/docker_panel/panel.mjs";
    std::vector<std::string> command{"node", script.string(), folder_.string()};
    if (tls_) command.insert(command.end(), {tls.certificate, tls.key, tls.client_ca});
    node_ = std::make_unique<Process>(Process::Options{.argv = std::move(command)});
    wait_for([this] { return std::filesystem::exists(folder_ / "port") || !node_->running(); });
    port_ = read_file(folder_ / "port");
}

std::string Panel::url() const
{
    return (tls_ ? "wss://localhost:" : "ws://127.0.0.1:") + port_ + "/ws/agents";
}

std::string Panel::file_url(const std::string& name) const
{
    return (tls_ ? "https://localhost:" : "http://127.0.0.1:") + port_ + "/files/" + name;
}

std::string Panel::send(const std::string& action, const std::string& server, const json& payload)
{
    json command{{"id", "msg_" + std::to_string(++last_)},
                 {"type", "command"},
                 {"timestamp", "2026-01-01T00:00:00Z"},
                 {"action", action}};
    if (!server.empty()) command["serverId"] = server;
    if (!payload.is_null()) command["payload"] = payload;
    std::ofstream{folder_ / "commands", std::ios::app} << command.dump() + "\n" << std::flush;
    return command["id"];
}

void Panel::read()
{
    const std::string all = read_file(folder_ / "frames");
    for (auto end = all.find('\n', read_); end != std::string::npos; end = all.find('\n', read_)) {
        json frame = json::parse(all.substr(read_, end - read_), nullptr, false);
        read_ = end + 1;
        if (frame.is_object()) frames_.push_back(std::move(frame));
    }
}

json Panel::response(const std::string& id)
{
    json found;
    wait_for([&] {
        read();
        for (const json& frame : frames_)
            if (frame["type"] == "response" && frame["id"] == id) found = frame;
        return !found.is_null();
    });
    return found;
}

std::vector<json> Panel::events(const std::string& name)
{
    read();
    std::vector<json> out;
    for (const json& frame : frames_)
        if (frame["type"] == "event" && frame["event"] == name) out.push_back(frame["data"]);
    return out;
}

json Panel::event(const std::string& name, const std::function<bool(const json&)>& is, std::size_t from)
{
    json found;
    wait_for([&] {
        const auto all = events(name);
        for (std::size_t i = from; i < all.size() && found.is_null(); ++i)
            if (is(all[i])) found = all[i];
        return !found.is_null();
    });
    return found;
}

// ---- the engine ----

GameEngine* DockerPanel::engine_ = nullptr;

json DockerPanel::engine(const std::string& method, const std::string& target, const std::string& body)
{
    return engine_->ask(method, target, body);
}

void DockerPanel::SetUpTestSuite()
{
    if (::geteuid() == 0) engine_ = new GameEngine;
}

void DockerPanel::TearDownTestSuite() { delete std::exchange(engine_, nullptr); }

// ---- the agent ----

void DockerPanel::SetUp()
{
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    panel_ = std::make_unique<Panel>(dir_ / "panel");
    const auto secret = sha256_hex("docker panel" + dir_.path().string());
    keep_secret(secret);
    write_file(dir_ / "credential", secret + "\n");
}

void DockerPanel::TearDown()
{
    if (agent_ && HasFailure()) std::fputs(agent_->log().c_str(), stderr);
    agent_.reset();
    if (engine_ != nullptr) engine_->remove_containers();
}

std::string DockerPanel::server_yaml(const std::string& name, const Panel& panel,
                                     const std::string& keys) const
{
    return "{name: " + name + ", protocol: panel, url: '" + panel.url() + "', credential: {file: '" +
           (dir_ / "credential").string() + "'}, reconnect: {initial: 100ms, max: 1s}" + keys + "}";
}

void DockerPanel::start_agent(const std::string& more)
{
    agent_.reset();
    const std::string yaml = "servers: [" + (servers_.empty() ? server_yaml("it", *panel_) : servers_) +
                             "]\nplugins:\n  " + engine_->plugin_yaml(dir_ / "servers", more, node_);
    agent_ = std::make_unique<Daemon>(Daemon::Options{.yaml = yaml, .env = env_, .dir = dir_ / "agent"});
    ASSERT_TRUE(agent_->wait_ready()) << agent_->log();
}

void DockerPanel::kill_agent()
{
    agent_->kill9();
    agent_.reset();
}

void DockerPanel::run_server(const std::string& id, const json& more)
{
    const json created = panel_->call("create_server", id, egg(id, more));
    ASSERT_TRUE(created.value("success", false)) << created;
    ASSERT_TRUE(is(id, "offline"));
    const json started = panel_->call("start_server", id);
    ASSERT_TRUE(started.value("success", false)) << started;
    ASSERT_TRUE(is(id, "running")) << status(id);
}

bool DockerPanel::is(const std::string& id, const std::string& wanted)
{
    return wait_for([&] { return status(id).value("status", "") == wanted; });
}

bool DockerPanel::says(const std::string& id, const std::string& text)
{
    return !panel_
                ->event("server_log",
                        [&](const json& data) {
                            return data["serverId"] == id &&
                                   data["message"].get<std::string>().find(text) != std::string::npos;
                        })
                .is_null();
}

std::vector<std::string> DockerPanel::console(const std::string& id)
{
    std::vector<std::string> lines;
    std::uint64_t next = 0;
    for (;;) {
        const json page = panel_->call("get_logs", id, {{"offset", next}})["data"];
        if (!page.is_object() || page["lines"].empty()) return lines;
        for (const auto& line : page["lines"]) lines.push_back(line["message"]);
        next = page["next"];
    }
}

} // namespace agenthost::test
