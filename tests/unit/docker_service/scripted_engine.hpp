// An engine of containers that exist only here: enough of its API for a server's life, and what people do to
// containers behind the agent's back. Any thread.
#pragma once

#include "tests/support/fake_http.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace agenthost::docker_test {

class ScriptedEngine {
public:
    using json = nlohmann::json;
    struct Container {
        std::string name;
        json labels, binds;
        bool running = false;
        int starts = 0;
    };

    explicit ScriptedEngine(const std::filesystem::path& socket)
        : http_{socket, [this](auto& peer, const auto& request) {
                    while (frozen) std::this_thread::sleep_for(std::chrono::milliseconds{5});
                    answer(peer, request);
                }}
    {}

    // As docker run, docker rename and docker inspect do.
    std::string add(Container container)
    {
        const std::scoped_lock lock{mutex_};
        const std::string id = "c" + std::to_string(++last_);
        if (container.running) container.starts = 1;
        containers_[id] = std::move(container);
        return id;
    }
    void rename(const std::string& from, const std::string& to)
    {
        const std::scoped_lock lock{mutex_};
        for (auto& [id, each] : containers_)
            if (each.name == from) each.name = to;
    }
    [[nodiscard]] std::map<std::string, Container> containers() const
    {
        const std::scoped_lock lock{mutex_};
        return containers_;
    }
    [[nodiscard]] std::string socket() const { return http_.socket(); }

    std::atomic<bool> frozen{false};

private:
    using Peer = test::FakeHttp::Peer;
    using Request = test::FakeHttp::Request;

    auto find(const std::string& name)
    {
        auto at = containers_.find(name);
        for (auto each = containers_.begin(); at == containers_.end() && each != containers_.end(); ++each)
            if (each->second.name == name) return each;
        return at;
    }
    static json shown(const std::string& id, const Container& container)
    {
        const std::string started = container.starts == 0
                                        ? "0001-01-01T00:00:00Z"
                                        : "2026-01-01T00:00:0" + std::to_string(container.starts % 10) + "Z";
        return {{"Id", id},
                {"Name", "/" + container.name},
                {"Created", "2026-01-01T00:00:00Z"},
                {"State",
                 {{"Status", container.running      ? "running"
                             : container.starts > 0 ? "exited"
                                                    : "created"},
                  {"Running", container.running},
                  {"ExitCode", container.running || container.starts == 0 ? 0 : 137},
                  {"StartedAt", started}}},
                {"Config", {{"Labels", container.labels}}},
                {"HostConfig", {{"Binds", container.binds}}}};
    }
    void answer(Peer& peer, const Request& request)
    {
        if (request.target == "/_ping") return (void)peer.reply(200, "OK", "Api-Version: 1.41\r\n");
        std::string path = request.target.substr(sizeof "/v1.41" - 1), query;
        if (const auto at = path.find('?'); at != std::string::npos) query = path.substr(at), path.resize(at);
        if (path == "/version") return (void)peer.reply(200, R"({"Version":"1","ApiVersion":"1.41"})");
        if (path == "/info") return (void)peer.reply(200, R"({"ID":"engine"})");
        if (path == "/events" || path.ends_with("/logs")) {
            peer.begin_chunked();
            return peer.wait_closed();
        }
        if (path.starts_with("/images/")) return (void)peer.reply(200, R"({"Id":"i","RepoTags":["a"]})");
        const auto [status, body] = of_containers(request, path, query);
        peer.reply(status, body);
    }
    std::pair<int, std::string> of_containers(const Request& request, const std::string& path,
                                              const std::string& query)
    {
        const std::scoped_lock lock{mutex_};
        if (path == "/containers/json") {
            json rows = json::array();
            for (const auto& [id, each] : containers_)
                rows.push_back({{"Id", id}, {"Names", {"/" + each.name}}, {"Labels", each.labels}});
            return {200, rows.dump()};
        }
        if (path == "/containers/create") {
            const std::string name = query.substr(query.find("name=") + 5);
            if (find(name) != containers_.end()) return {409, R"({"message":"the name is in use"})"};
            const json body = json::parse(request.body);
            const std::string id = "c" + std::to_string(++last_);
            containers_[id] = {name, body["Labels"], body["HostConfig"]["Binds"]};
            return {201, json{{"Id", id}, {"Warnings", json::array()}}.dump()};
        }
        const std::string rest = path.substr(sizeof "/containers/" - 1);
        const auto at = find(rest.substr(0, rest.find('/')));
        if (at == containers_.end()) return {404, R"({"message":"No such container: x"})"};
        if (rest.ends_with("/json")) return {200, shown(at->first, at->second).dump()};
        if (rest.ends_with("/start")) {
            if (!std::exchange(at->second.running, true)) ++at->second.starts;
            return {204, ""};
        }
        if (rest.ends_with("/kill")) {
            if (!std::exchange(at->second.running, false)) return {409, R"({"message":"is not running"})"};
            return {204, ""};
        }
        if (request.method != "DELETE") return {500, R"({"message":"not scripted"})"};
        containers_.erase(at);
        return {204, ""};
    }

    mutable std::mutex mutex_;
    std::map<std::string, Container> containers_;
    int last_ = 0;
    test::FakeHttp http_; // the last member: ends its threads first
};

} // namespace agenthost::docker_test
