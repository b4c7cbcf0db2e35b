// Keeps the last bytes of a stream, for error messages. A value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace agenthost::host::net {

class Tail {
public:
    // Keeps at most `max` bytes from now on; 0, the default: nothing.
    void keep(std::size_t max) { max_ = max; }
    [[nodiscard]] bool wanted() const { return max_ != 0; }
    void append(std::string_view bytes)
    {
        if (bytes.size() >= max_) {
            bytes_ = bytes.substr(bytes.size() - max_);
            return;
        }
        if (const std::size_t size = bytes_.size() + bytes.size(); size > max_) bytes_.erase(0, size - max_);
        bytes_ += bytes;
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

private:
    std::size_t max_ = 0;
    std::string bytes_;
};

} // namespace agenthost::host::net
