#include "agent_session.hpp"

#include "base/uuid.hpp"
#include "plugins/hub/credentials/keys.hpp"

#include <bit>
#include <utility>

namespace agenthost::hub {

std::string_view frame_fault(int code)
{
    switch (code) {
    case 1002: return "breaks the WebSocket protocol (close code 1002)";
    case 1007: return "is not UTF-8 (close code 1007)";
    case close_code::too_big: return "is too large (close code 1009)";
    default: return {};
    }
}

bool AgentSession::use(wire::Protocol protocol, wire::ServerSetup setup)
{
    protocol_ = protocol;
    codec_ = wire::server_codec(protocol, std::move(setup));
    return codec_ != nullptr;
}

bool AgentSession::send(const auto& message)
{
    std::string frame;
    if (!codec_->encode(message, frame)) return false;
    core_.send(conn_, std::move(frame));
    return true;
}

bool AgentSession::say(const wire::Welcome& welcome) { return send(welcome); }

std::optional<AgentSession::Frames> AgentSession::encode(wire::Command command)
{
    const std::string word{core_.config.action_words.word(traits().name, command.action)};
    command.action = word;
    // Checked again here: the agent may have reconnected with another protocol than its command was checked
    // for.
    if (traits().reserves_word(command.action)) return std::nullopt;
    Frames frames;
    if (!codec_->encode(command, frames.text)) return std::nullopt;
    frames.binary = codec_->take_binary();
    return frames;
}

void AgentSession::serve(const wire::FromAgent& message, AgentObserver& observer)
{
    const std::string_view id = agent.id;
    if (const auto* result = std::get_if<wire::Result>(&message)) {
        const auto begins_only = agent_protocol(protocol_).begins_only;
        if (!ours && begins_only != nullptr && begins_only(*result))
            observer.progress(id, wire::Progress{result->id, result->data});
        else
            observer.result(id, *result);
    } else if (const auto* progress = std::get_if<wire::Progress>(&message)) {
        observer.progress(id, *progress);
    } else if (const auto* stream = std::get_if<wire::Stream>(&message)) {
        observer.stream(id, *stream);
    } else if (const auto* beat = std::get_if<wire::Heartbeat>(&message)) {
        answer(*beat, observer);
    } else if (const auto* metrics = std::get_if<wire::Metrics>(&message)) {
        observer.metrics(id, *metrics);
    } else if (const auto* log = std::get_if<wire::Log>(&message)) {
        observer.log(id, *log);
    } else if (const auto* event = std::get_if<wire::Event>(&message)) {
        observer.event(id, *event);
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        malformed(bad->reason);
    }
}

void AgentSession::answer(const wire::Heartbeat& beat, AgentObserver& observer)
{
    // Copied: an observer may send a command to this agent.
    const std::string id{beat.id};
    observer.heartbeat(agent.id, beat);
    if (!closing_) send(wire::Heartbeat{.facts = "{}", .at = core_.utc(), .id = id});
}

// Logged at the 1st, 2nd, 4th, 8th ... of a session, so that a peer cannot fill the log.
void AgentSession::malformed(const std::string& why)
{
    if (!std::has_single_bit(++bad_frames_)) return;
    if (const auto complain = agent_protocol(protocol_).complain; complain != nullptr) {
        std::string error;
        complain(error, core_.utc(), why);
        core_.send(conn_, std::move(error));
    }
    core_.log(AGH_LOG_WARN,
              "agent " + agent.id + " sent a frame that is not of its protocol: " + why +
                  (bad_frames_ == 1 ? std::string{} : "; " + std::to_string(bad_frames_) + " so far"));
}

void AgentSession::start_pings()
{
    if (traits().server_pings)
        next_ping_ = core_.after(core_.config.ping_interval, [this]() UNDER_LOCK { ping(); });
}

void AgentSession::ping()
{
    send(wire::Ping{base::random_uuid()});
    next_ping_ = core_.after(core_.config.ping_interval, [this]() UNDER_LOCK { ping(); });
}

void AgentSession::close(int code, std::string reason)
{
    core_.close(conn_, code, std::move(reason));
    closing_ = true;
    stop_timers();
}

void AgentSession::stop_timers()
{
    core_.timers.cancel(std::exchange(timer, {}));
    core_.timers.cancel(std::exchange(next_ping_, {}));
}

} // namespace agenthost::hub
