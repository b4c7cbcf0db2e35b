#include "typing.hpp"

#include "base/json_depth.hpp"

#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace agenthost::hub {

namespace {

using namespace std::chrono_literals;

constexpr auto first_delay = 10ms, max_delay = 500ms;
constexpr int max_misses =
    40; // about 15 s: the command's own row is being written, or its end is about to arrive

// Errors after which the same piece is sent again, because the agent may not have received it.
bool passes(std::string_view code)
{
    return code == "AGENT_OFFLINE" || code == "BUSY" || code == "RATE_LIMIT" || code == "QUEUE_FULL" ||
           code == "TIMEOUT";
}

std::optional<std::uint64_t> offset_of(const std::string& answer)
{
    const auto json = base::parse_json<nlohmann::json>(answer);
    const auto at = json.is_object() ? json.find("offset") : json.end();
    if (at == json.end()) return std::nullopt; // an older agent
    return json_unsigned(*at);
}

UNDER_LOCK void refuse(Core& core, const ReplyPtr& reply, std::string_view code, std::string_view why)
{
    core.strand.post([reply, code = std::string{code}, why = std::string{why}] { reply->fail(code, why); });
}

} // namespace

void RunTyping::type(const std::string& id, RunControl::Input input, std::size_t size, const ReplyPtr& reply)
{
    const Run* run = runs_.find(id);
    if (run == nullptr || run->over())
        return refuse(core_, reply, "COMMAND_NOT_FOUND",
                      run == nullptr ? "There is no run " + id : "Run " + id + " has ended");
    Line& line = lines_[id];
    if (line.pieces.size() >= max_pieces || line.bytes + size > max_bytes)
        return refuse(core_, reply, "BUSY", "The command has not read the earlier input yet");
    line.bytes += size;
    line.pieces.push_back({std::move(input), size, reply});
    pump(id);
}

void RunTyping::pump(const std::string& id)
{
    const auto it = lines_.find(id);
    const Run* run = runs_.find(id);
    if (it == lines_.end() || run == nullptr || it->second.asked || it->second.pieces.empty()) return;
    const AgentRecord* agent = fanout_.find(run->agent);
    if (agent == nullptr) return; // agent_ready() comes, or the run's end
    if (run->state == RunState::queued && carries_output(*agent))
        return; // such an agent reports when the command runs
    Line& line = it->second;
    line.asked = true;
    RunControl::Input input = line.pieces.front().input;
    // On a resend, send the offset, because other input may have arrived since.
    if (std::exchange(line.pieces.front().again, true)) input.offset = line.offset;
    runs_.control().input(id, input,
                          [this, id](const Requests::Answer& answer) UNDER_LOCK { answered(id, answer); });
}

void RunTyping::answered(const std::string& id, const Requests::Answer& answer)
{
    const auto it = lines_.find(id);
    if (it == lines_.end() || it->second.pieces.empty()) return;
    Line& line = it->second;
    line.asked = false;
    const bool missed = answer.code == "COMMAND_NOT_FOUND" && ++line.misses <= max_misses;
    if (answer.ok || !(missed || passes(answer.code))) {
        done(line, answer);
        return pump(id);
    }
    if (const Run* run = runs_.find(id); run == nullptr || !fanout_.online(run->agent))
        return; // agent_ready()
    line.delay = std::clamp<std::chrono::milliseconds>(line.delay * 2, first_delay, max_delay);
    core_.after(line.delay, [this, id]() UNDER_LOCK { pump(id); });
}

void RunTyping::done(Line& line, const Requests::Answer& answer)
{
    const Piece piece = std::move(line.pieces.front());
    line.pieces.pop_front();
    line.bytes -= piece.size;
    line.delay = {};
    line.misses = 0;
    if (!answer.ok) return refuse(core_, piece.reply, answer.code, answer.message);
    line.offset = offset_of(answer.data);
    core_.strand.post([reply = piece.reply] { reply->ok("{}"); });
}

void RunTyping::status(const Run& run)
{
    if (run.over())
        give_up(run.id, "COMMAND_NOT_FOUND", "Run " + run.id + " has ended");
    else
        pump(run.id);
}

void RunTyping::agent_ready(std::string_view agent)
{
    std::vector<std::string> ids;
    for (const auto& [id, line] : lines_) {
        const Run* run = runs_.find(id);
        if (run != nullptr && run->agent == agent) ids.push_back(id);
    }
    for (const std::string& id : ids) pump(id);
}

void RunTyping::give_up(const std::string& id, std::string_view code, std::string_view why)
{
    const auto it = lines_.find(id);
    if (it == lines_.end()) return;
    const auto pieces = std::move(it->second.pieces);
    lines_.erase(it);
    for (const Piece& piece : pieces) refuse(core_, piece.reply, code, why);
}

void RunTyping::drain()
{
    std::vector<std::string> ids;
    for (const auto& [id, line] : lines_) ids.push_back(id);
    for (const std::string& id : ids) give_up(id, "INTERRUPTED", "The hub is shutting down");
}

} // namespace agenthost::hub
