#include "log_parts.hpp"

#include "stamp.hpp"

#include <algorithm>

namespace agenthost::docker::engine {

bool LogParts::push(std::string_view bytes, const OnPart& on_part)
{
    if (format_ == Format::raw) {
        push_raw(bytes, on_part);
        return true;
    }
    while (!bytes.empty() && !frames_.failed()) {
        const auto piece = frames_.step(bytes);
        bytes.remove_prefix(piece.taken);
        if (!frames_.failed() && (piece.begins || piece.ends || !piece.content.empty()))
            collect(piece, on_part);
    }
    return !frames_.failed();
}

void LogParts::collect(const StdcopyDecoder::Piece& piece, const OnPart& on_part)
{
    const auto give_message = [&](std::string_view message) {
        const bool ends_line = message.ends_with('\n');
        give(message, piece.stream, ends_line, on_part);
    };
    if (piece.begins && piece.ends && piece.content.size() <= max_message) { // nothing to copy
        if (!piece.content.empty()) give_message(piece.content);
        return;
    }
    std::string_view content = piece.content;
    while (pending_.size() + content.size() > max_message) {
        const auto n = max_message - pending_.size();
        pending_ += content.substr(0, n);
        content.remove_prefix(n);
        give(pending_, piece.stream, false, on_part);
        continues_ = true;
        pending_.clear();
    }
    pending_ += content;
    if (!piece.ends) return;
    if (!pending_.empty()) give_message(pending_);
    continues_ = false;
    pending_.clear();
    if (pending_.capacity() > 4 * driver_part) pending_.shrink_to_fit();
}

void LogParts::push_raw(std::string_view bytes, const OnPart& on_part)
{
    while (!bytes.empty()) {
        const auto lf = bytes.find('\n');
        const std::size_t line = lf == std::string_view::npos ? bytes.size() : lf + 1;
        const auto n = std::min(line, max_message - pending_.size());
        pending_ += bytes.substr(0, n);
        bytes.remove_prefix(n);
        while (cut_at_repeated_stamp(on_part)) {}
        if (pending_.ends_with('\n')) {
            give(pending_, OutputStream::out, true, on_part);
            continues_ = false;
            pending_.clear();
        } else if (pending_.size() >= max_message) {
            give(pending_, OutputStream::out, false, on_part);
            continues_ = true;
            pending_.clear();
        }
    }
}

// A line of more than 16 KiB is several messages with one stamp.
bool LogParts::cut_at_repeated_stamp(const OnPart& on_part)
{
    if (!timestamps_ || continues_ || pending_.size() <= driver_part) return false;
    const auto stamp = read_stamp(pending_);
    if (!stamp) return false;
    const std::size_t head = stamp->size + 1, cut = head + driver_part;
    if (pending_.size() < cut + head) return false;
    if (std::string_view{pending_}.substr(cut, head) != std::string_view{pending_}.substr(0, head))
        return false;
    give(std::string_view{pending_}.substr(0, cut), OutputStream::out, false, on_part);
    pending_.erase(0, cut);
    return true;
}

void LogParts::give(std::string_view message, OutputStream stream, bool ends_line, const OnPart& on_part)
{
    LogPart part;
    part.stream = stream;
    part.continues = continues_;
    part.ends_line = ends_line;
    if (timestamps_ && !continues_) {
        if (const auto stamp = read_stamp(message.substr(0, max_stamp));
            stamp && message.size() > stamp->size && message[stamp->size] == ' ') {
            last_stamp_ = stamp->ns;
            message.remove_prefix(stamp->size + 1);
        }
    }
    part.stamp_ns = last_stamp_;
    if (ends_line) message.remove_suffix(1);
    if (ends_line && message.ends_with('\r')) message.remove_suffix(1);
    part.text = message;
    on_part(part);
}

bool LogParts::finish(const OnPart& on_part)
{
    if (format_ == Format::multiplexed && !frames_.between_frames()) return false;
    if (!pending_.empty()) give(pending_, OutputStream::out, pending_.ends_with('\n'), on_part);
    pending_.clear();
    return true;
}

} // namespace agenthost::docker::engine
