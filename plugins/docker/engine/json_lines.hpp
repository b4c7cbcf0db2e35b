// Cuts a stream of JSON texts into lines (LF or CRLF), as the engine writes events, statistics and the
// progress of a pull. No I/O; a line beyond the limit is an error.
//
//     lines.push(bytes, [&](std::string_view line) { ... });   // false: a line is too long
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace agenthost::docker::engine {

constexpr std::size_t max_json_line = 1024 * 1024;

class JsonLines {
public:
    explicit JsonLines(std::size_t max_line = max_json_line) : max_line_{max_line} {}

    // Calls `on_line` for every complete line that is not blank; it returns whether to continue. False: a
    // line is too long.
    template <class OnLine> bool push(std::string_view bytes, const OnLine& on_line)
    {
        while (!bytes.empty()) {
            const auto lf = bytes.find('\n');
            const auto part = bytes.substr(0, lf);
            if (part.size() > max_line_ - pending_.size()) return false;
            if (lf == std::string_view::npos) {
                pending_ += part;
                return true;
            }
            bytes.remove_prefix(lf + 1);
            bool go_on;
            if (pending_.empty()) { // nothing to copy
                go_on = give(part, on_line);
            } else {
                pending_ += part;
                std::string whole;
                whole.swap(pending_);
                go_on = give(whole, on_line);
            }
            if (!go_on) return true;
        }
        return true;
    }
    // The end of the stream: a last line without a line end counts.
    template <class OnLine> void finish(const OnLine& on_line)
    {
        std::string whole;
        whole.swap(pending_);
        give(whole, on_line);
    }

private:
    template <class OnLine> static bool give(std::string_view line, const OnLine& on_line)
    {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
        return line.empty() || on_line(line);
    }

    std::size_t max_line_;
    std::string pending_;
};

} // namespace agenthost::docker::engine
