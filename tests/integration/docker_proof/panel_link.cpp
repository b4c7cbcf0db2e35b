#include "panel_link.hpp"

#include "tests/support/loopback.hpp"
#include "tests/support/support.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <stdexcept>
#include <utility>

namespace agenthost::test {

using nlohmann::json;

PanelLink::PanelLink(OnEvent on_event) : on_event_{std::move(on_event)}
{
    auto listening = listen_on_loopback();
    listener_ = std::move(listening.fd);
    port_ = listening.port;
    thread_ = std::thread{[this] { read(); }};
}

PanelLink::~PanelLink()
{
    stopping_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
}

std::string PanelLink::url() const { return "ws://127.0.0.1:" + std::to_string(port_) + "/ws/agents"; }

void PanelLink::read()
{
    while (!stopping_) {
        try {
            auto peer = bench::WsPeer::accept(listener_.get());
            {
                const std::lock_guard lock{mutex_};
                peer_.emplace(std::move(peer));
            }
            came_.notify_all();
            for (std::string_view message; peer_->next(message);) take(message);
        } catch (const std::exception&) { // it was killed in the middle of something
        }
        const std::lock_guard lock{mutex_};
        peer_.reset();
    }
}

void PanelLink::take(std::string_view message)
{
    const double at =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    json frame = json::parse(message, nullptr, false);
    if (!frame.is_object()) return;
    const std::string type = frame.value("type", "");
    if (type == "event") return on_event_(at, frame.value("event", ""), frame["data"]);
    if (type != "response") return;
    {
        const std::lock_guard lock{mutex_};
        answers_[frame.value("id", "")].push_back({at, std::move(frame)});
    }
    came_.notify_all();
}

bool PanelLink::try_send(const std::string& text)
{
    std::unique_lock lock{mutex_};
    if (!came_.wait_for(lock, max_wait, [this] { return peer_.has_value(); }))
        throw std::runtime_error{"no agent is connected"};
    try {
        peer_->send(text);
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

std::string PanelLink::send(const std::string& action, const std::string& server, const json& payload,
                            int times)
{
    json command{{"id", "msg_" + std::to_string(++last_)},
                 {"type", "command"},
                 {"timestamp", "2026-01-01T00:00:00Z"},
                 {"action", action}};
    if (!server.empty()) command["serverId"] = server;
    if (!payload.is_null()) command["payload"] = payload;
    const std::string text = command.dump();
    for (int i = 0; i < times; ++i)
        while (!try_send(text)) std::this_thread::sleep_for(std::chrono::milliseconds{5});
    return command["id"];
}

std::vector<PanelLink::Came> PanelLink::answers(const std::string& id)
{
    std::unique_lock lock{mutex_};
    came_.wait_for(lock, 2 * max_wait, [&] { return answers_.contains(id); });
    const auto at = answers_.find(id);
    return at == answers_.end() ? std::vector<Came>{} : at->second;
}

json PanelLink::call(const std::string& action, const std::string& server, const json& payload)
{
    const auto all = answers(send(action, server, payload));
    return all.empty() ? json{} : all.front().frame;
}

} // namespace agenthost::test
