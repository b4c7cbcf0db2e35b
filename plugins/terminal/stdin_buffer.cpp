#include "stdin_buffer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace agenthost::terminal {

void StdinBuffer::begin(std::string text, bool end)
{
    waiting_ = std::move(text);
    ends_ = end;
}

StdinResult StdinBuffer::add(const InputParams& params, Into into, std::string& why)
{
    std::string_view bytes = params.data;
    if (params.offset && *params.offset > count_) {
        why = "offset " + std::to_string(*params.offset) + " is beyond the " + std::to_string(count_) +
              " bytes typed so far";
        return StdinResult::closed;
    }
    if (params.offset) { // it came before, on a session that was lost
        bytes.remove_prefix(std::min<std::uint64_t>(count_ - *params.offset, bytes.size()));
        if (bytes.empty() && (!params.end || ends_)) return StdinResult::taken;
    }
    if (!into.running) {
        why = "the command is not running";
        return StdinResult::later;
    }
    if (!into.open || (ends_ && !into.pty)) {
        why = "its standard input is closed. Run it with \"input\": true or a pty to type into it";
        return StdinResult::closed;
    }
    if (waiting_.size() + bytes.size() > max_bytes) {
        why = "the command has not taken " + std::to_string(waiting_.size()) +
              " bytes typed before. Wait until it does";
        return StdinResult::later;
    }
    waiting_ += bytes;
    count_ += bytes.size();
    if (params.end && into.pty)
        waiting_ += '\x04'; // Ctrl-D
    else if (params.end)
        ends_ = true;
    return StdinResult::taken;
}

void StdinBuffer::write(base::Fd& fd)
{
    while (fd && !waiting_.empty()) {
        const ::ssize_t n = ::write(fd.get(), waiting_.data(), waiting_.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) { // EPIPE
            waiting_.clear();
            ends_ = true;
            return;
        }
        waiting_.erase(0, static_cast<std::size_t>(n));
    }
}

} // namespace agenthost::terminal
