#include "proof_rig.hpp"

#include "tests/support/secrets.hpp"

#include <unistd.h>

#include <sstream>
#include <utility>

namespace agenthost::test {

using nlohmann::json;

void DockerProof::begin(std::vector<std::string> engine_arguments)
{
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    engine_ = std::make_unique<GameEngine>(GameEngine::Kind::docker, std::move(engine_arguments));
    panel_ = std::make_unique<PanelLink>([this](double, const std::string& event, const json& data) {
        if (event == "server_log") keep(data);
    });
    const auto secret = sha256_hex("docker proof" + dir_.path().string());
    keep_secret(secret);
    write_file(dir_ / "credential", secret + "\n");
}

void DockerProof::TearDown()
{
    if (agent_ && HasFailure()) std::fputs(agent_->log().c_str(), stderr);
    agent_.reset();
    if (engine_) engine_->remove_containers();
    panel_.reset();
    engine_.reset();
}

void DockerProof::start_agent()
{
    ready_ = false;
    const std::string yaml =
        "servers: [{name: it, protocol: panel, url: '" + panel_->url() + "', credential: {file: '" +
        (dir_ / "credential").string() + "'}, reconnect: {initial: 100ms, max: 1s}}]\nplugins:\n  " +
        engine_->plugin_yaml(dir_ / "servers", {}, {.socket = {}, .stats_interval = "5s"});
    agent_ =
        std::make_unique<Daemon>(Daemon::Options{.yaml = yaml, .log_level = "info", .dir = dir_ / "agent"});
}

void DockerProof::kill_agent()
{
    agent_->kill9();
    agent_.reset();
}

void DockerProof::run_servers(int count, const json& more)
{
    std::vector<std::string> started;
    for (int i = 0; i < count; ++i) {
        const json created = panel_->call("create_server", name(i), GameEngine::egg(name(i), more));
        ASSERT_TRUE(created.value("success", false)) << created;
        ASSERT_TRUE(is(name(i), "offline"));
        started.push_back(panel_->send("start_server", name(i)));
    }
    for (int i = 0; i < count; ++i) {
        const auto answers = panel_->answers(started[static_cast<std::size_t>(i)]);
        ASSERT_FALSE(answers.empty());
        ASSERT_TRUE(answers[0].frame.value("success", false)) << answers[0].frame;
        ASSERT_TRUE(is(name(i), "running")) << status(name(i));
    }
}

bool DockerProof::is(const std::string& server, const std::string& wanted)
{
    return wait_for([&] {
        if (status(server).value("status", "") == wanted) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        return false;
    });
}

std::map<std::uint64_t, std::string> DockerProof::console(const std::string& server)
{
    std::map<std::uint64_t, std::string> lines;
    std::uint64_t next = 0;
    for (;;) {
        const json page = panel_->call("get_logs", server, {{"offset", next}})["data"];
        if (!page.is_object() || page["lines"].empty()) return lines;
        for (const auto& line : page["lines"]) lines[line["position"]] = line["message"];
        next = page["next"];
    }
}

std::vector<std::string> DockerProof::engine_log(const std::string& container) const
{
    const std::string all = run({"curl", "-sS", "-m", "60", "--unix-socket", engine_->socket(),
                                 "http://engine/v1.41/containers/" + container + "/logs?stdout=1&stderr=1"})
                                .out;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at + 8 <= all.size();) { // a head of 8 bytes, and a line
        std::size_t size = 0;
        for (std::size_t i = at + 4; i < at + 8; ++i) size = size << 8 | static_cast<unsigned char>(all[i]);
        std::string line = all.substr(at + 8, size);
        if (line.ends_with('\n')) line.pop_back();
        lines.push_back(std::move(line));
        at += 8 + size;
    }
    return lines;
}

void DockerProof::keep(const json& event)
{
    const std::lock_guard lock{mutex_};
    Told& told = told_[event.value("serverId", "")];
    auto position = event.value("position", std::uint64_t{0});
    std::istringstream text{event.value("message", "")};
    for (std::string line; std::getline(text, line); ++position) {
        const auto [at, first] = told.lines.emplace(position, line);
        if (first) continue;
        if (at->second == line)
            ++told.again;
        else
            told.wrong.push_back(std::to_string(position) + ": " + at->second + " | " + line);
    }
}

DockerProof::Told DockerProof::told(const std::string& server)
{
    const std::lock_guard lock{mutex_};
    return told_[server];
}

} // namespace agenthost::test
