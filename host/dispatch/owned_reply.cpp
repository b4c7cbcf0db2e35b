#include "owned_reply.hpp"

#include "json.hpp"

#include "base/json_writer.hpp"
#include "wire/codes.hpp"

namespace agenthost::host {

namespace code = wire::code;

namespace {

template <class Use> void each_blob(const agh_reply& reply, Use use)
{
    if (!reply.blobs) return;
    for (std::size_t i = 0; i < reply.blob_count; ++i)
        use(*reinterpret_cast<const agh_blob*>(reinterpret_cast<const char*>(reply.blobs) +
                                               i * reply.blob_stride));
}

agh_status status_of(std::string_view code)
{
    if (code == code::unknown_action) return AGH_E_NOT_FOUND;
    if (code == code::invalid_request) return AGH_E_INVALID;
    if (code == code::denied) return AGH_E_DENIED;
    if (code == code::busy || code == code::queue_full || code == code::rate_limit) return AGH_E_BUSY;
    if (code == code::timeout) return AGH_E_DEADLINE;
    if (code == code::cancelled) return AGH_E_CANCELLED;
    return AGH_E_INTERNAL;
}

} // namespace

OwnedReply::OwnedReply(const agh_reply& r) : status_{r.status}, flags_{r.flags}, json_{view(r.json)}
{
    each_blob(r, [this](const agh_blob& b) {
        base::Fd fd{b.fd};
        blobs_.push_back({.fd = std::move(fd),
                          .offset = b.offset,
                          .length = b.length,
                          .inl = std::string{view(b.inl)},
                          .name = std::string{view(b.name)},
                          .media_type = std::string{view(b.media_type)}});
    });
}

agh_reply OwnedReply::plain() const
{
    return {.size = sizeof(agh_reply),
            .status = status_,
            .flags = flags_,
            .reserved = 0,
            .json = bytes(json_),
            .blobs = nullptr,
            .blob_count = 0,
            .blob_stride = sizeof(agh_blob)};
}

void OwnedReply::hand_over(const CallDone& use)
{
    std::vector<agh_blob> blobs;
    blobs.reserve(blobs_.size());
    for (Blob& b : blobs_)
        blobs.push_back({.size = sizeof(agh_blob),
                         .fd = b.fd.release(),
                         .offset = b.offset,
                         .length = b.length,
                         .inl = bytes(b.inl),
                         .name = bytes(b.name),
                         .media_type = bytes(b.media_type)});
    agh_reply reply = plain();
    reply.blobs = blobs.data();
    reply.blob_count = blobs.size();
    use(reply);
}

void close_blobs(const agh_reply& reply)
{
    each_blob(reply, [](const agh_blob& b) { base::Fd{b.fd}; });
}

Answer answer_of(const agh_reply& reply, std::string_view plugin, std::string_view action)
{
    Answer answer;
    const std::string_view text = view(reply.json);
    const auto broken = [&](std::string what) {
        answer.outcome = wire::Outcome::unknown;
        answer.code = code::internal;
        answer.message =
            "plugin " + std::string{plugin} + " answered " + std::string{action} + " with " + what;
        answer.detail = "What it did is not known. This is a fault of the plugin: report it to its author.";
    };
    if (text.size() > max_reply_bytes) {
        broken(std::to_string(text.size()) + " bytes, more than the " + std::to_string(max_reply_bytes) +
               " a reply may have");
        return answer;
    }
    if (reply.status >= 0) {
        if (!text.empty() && !json::valid(text))
            broken("something that is not JSON");
        else
            answer.data = text;
        return answer;
    }
    json::ErrorText error;
    // Without a readable text the status is the error.
    if (!text.empty()) json::read_error(text, error);
    answer.code = error.code.empty() ? std::string{code_of(reply.status)} : std::move(error.code);
    answer.message = error.message.empty() ? "plugin " + std::string{plugin} + " refused " +
                                                 std::string{action} + " and gave no reason"
                                           : std::move(error.message);
    answer.detail = std::move(error.detail);
    answer.error_data = std::move(error.data);
    if (reply.flags & AGH_REPLY_UNKNOWN)
        answer.outcome =
            answer.code == code::interrupted ? wire::Outcome::interrupted : wire::Outcome::unknown;
    else if (reply.flags & AGH_REPLY_NOT_STARTED || reply.status == AGH_E_BUSY || answer.code == code::busy ||
             answer.code == code::queue_full)
        answer.outcome = wire::Outcome::not_started;
    else
        answer.outcome = wire::Outcome::error;
    return answer;
}

OwnedReply reply_of(const wire::Result& result)
{
    if (result.outcome == wire::Outcome::success) return {AGH_OK, std::string{result.data}};
    const wire::Error& error = result.error;
    std::string text;
    base::JsonWriter writer{text};
    writer.object().member("code", error.code).member("message", error.message);
    if (!error.detail.empty()) writer.member("detail", error.detail);
    if (!error.data.empty()) writer.member("data", base::RawJson{error.data});
    writer.end();
    std::uint32_t flags = 0;
    if (result.outcome == wire::Outcome::not_started) flags = AGH_REPLY_NOT_STARTED;
    if (result.outcome == wire::Outcome::unknown || result.outcome == wire::Outcome::interrupted)
        flags = AGH_REPLY_UNKNOWN;
    return {status_of(error.code), std::move(text), flags};
}

} // namespace agenthost::host
