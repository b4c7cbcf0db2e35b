#include "sender.hpp"

#include "host/session/session.hpp"
#include "wire/codes.hpp"
#include "wire/json/fields.hpp"

#include <algorithm>

namespace agenthost::host {

namespace {

// Of a frame around a piece of output.
constexpr std::size_t stream_overhead = 1024;
// \u0000, for one byte.
constexpr std::size_t max_escape = 6;

// A plugin's event "PLUGIN.log" with {"level","message","source"?} is a line of a log, for protocols that can
// express one.
bool encode_log(wire::AgentCodec& codec, const wire::Event& event, std::string& out)
{
    if (!event.topic.ends_with(".log")) return false;
    std::string ignored;
    const auto members = wire::json::split(event.json, ignored);
    if (!members) return false;
    const auto text = [&](std::string_view key) {
        const wire::json::Member* member = wire::find(*members, key);
        return std::string{member ? member->text : std::string_view{}};
    };
    const std::string level = text("level"), message = text("message"), source = text("source");
    if (message.empty()) return false;
    return codec.encode(wire::Log{.level = level, .message = message, .source = source, .at = event.at}, out);
}

} // namespace

void Sender::clear()
{
    outgoing_.clear();
    reading_paused_ = writable_wanted_ = false;
}

Sender::Added Sender::add_result(const wire::Result& result, std::uint64_t row)
{
    outgoing_.forget_progress(result.id);
    const std::size_t bytes = result.data.size() + result.error.data.size();
    // Whatever the codec puts around it.
    if (bytes > limit_.bytes()) {
        ++too_large_;
        refused_bytes_ = bytes;
        return Added::too_large;
    }
    const Added added = add(result, row);
    if (added == Added::not_expressible) ++unspoken_;
    return added;
}

Sender::Added Sender::add_instead(const wire::Result& result, std::uint64_t row,
                                  const std::function<void(const wire::Result&)>& replace)
{
    const std::string message = "The result is too large to send: " + std::to_string(refused_bytes_) +
                                " bytes, the server accepts " + std::to_string(limit_.bytes());
    wire::Result instead;
    instead.id = result.id;
    instead.action = result.action;
    instead.outcome = wire::Outcome::error;
    instead.error = {
        wire::code::too_large,
        message,
        "The command itself has ended. Ask for less at a time, or raise limits.peer_message_bytes of this "
        "server if it accepts more.",
        {}};
    // An error tells more than its size does.
    if (result.outcome != wire::Outcome::success) {
        instead.outcome = result.outcome;
        instead.error = {result.error.code, result.error.message, message, {}};
    }
    if (row != 0) replace(instead);
    return add(instead, row) == Added::not_expressible ? Added::not_expressible : Added::yes;
}

std::string Sender::refused_by_peer(std::size_t bytes, std::uint64_t row,
                                    const std::function<void(const wire::Result&)>& replace)
{
    const std::string limit = std::to_string(limit_.bytes()), size = std::to_string(bytes);
    limit_.refused(bytes);
    if (row != 0) {
        ++too_large_;
        const std::string message =
            "The result of " + size +
            " bytes is larger than the server accepts: it closed the session with 1009 "
            "(limits.peer_message_bytes is " +
            limit + ")";
        wire::Result instead;
        instead.outcome = wire::Outcome::error;
        instead.error = {
            wire::code::too_large, message, "The command itself has ended. Ask for less at a time.", {}};
        replace(instead);
    }
    return " closed with 1009: a message of " + size +
           " bytes was larger than it accepts, although limits.peer_message_bytes is " + limit +
           ". Set limits.peer_message_bytes of this server to what it accepts";
}

template <class Message> bool Sender::encode(const Message& message, std::string& frame)
{
    if (!codec_->encode(message, frame)) {
        ++unspoken_;
        return false;
    }
    if (frame.size() <= limit_.bytes()) return true;
    ++too_large_;
    return false;
}

void Sender::add_progress(const wire::Progress& progress)
{
    std::string frame;
    if (encode(progress, frame)) outgoing_.add_progress(progress.id, std::move(frame));
}

void Sender::add_step(const wire::Progress& step)
{
    if (!outgoing_.takes_results()) return add_progress(step);
    outgoing_.forget_progress(step.id);
    if (add(step) == Added::not_expressible) ++unspoken_;
}

void Sender::add_stream(const wire::Stream& stream)
{
    // The server accepts a piece even when every byte becomes an escape.
    const std::size_t max =
        limit_.bytes() > 2 * stream_overhead ? (limit_.bytes() - stream_overhead) / max_escape : 1;
    for (wire::Stream rest = stream; !rest.bytes.empty();) {
        wire::Stream piece = rest;
        const std::size_t fits =
            std::clamp<std::size_t>(std::min(max, codec_->fitting(rest)), 1, rest.bytes.size());
        piece.bytes = rest.bytes.substr(0, fits);
        if (add(piece) == Added::not_expressible) ++unspoken_;
        rest.offset += fits;
        rest.bytes.remove_prefix(fits);
    }
}

void Sender::add_event(const wire::Event& event)
{
    std::string frame;
    if (encode_log(*codec_, event, frame)) {
        if (frame.size() > limit_.bytes()) {
            ++too_large_;
            return;
        }
    } else if (!encode(event, frame))
        return;
    dropped_ += outgoing_.add_event(std::move(frame));
}

void Sender::add_to(SessionStatus& status) const
{
    status.frames_out = frames_;
    status.dropped = dropped_;
    status.unspoken = unspoken_;
    status.too_large = too_large_;
    status.send_queue_bytes = outgoing_.bytes();
}

} // namespace agenthost::host
