// Requests and replies that outlive the call that delivered them: a request in a worker's queue, a reply that
// is passed to [run].
#pragma once

#include "base/fd.hpp"

#include <agenthost/abi.h>

#include <memory>
#include <string_view>
#include <vector>

namespace agenthost::host {

inline std::string_view view(agh_bytes bytes)
{
    return bytes.data ? std::string_view{static_cast<const char*>(bytes.data), bytes.size}
                      : std::string_view{};
}
inline agh_bytes bytes(std::string_view text) { return {text.data(), text.size()}; }

// Element `i` of blobs whose writer may use a longer or shorter agh_blob than we do.
agh_blob blob_at(const agh_blob* blobs, std::size_t stride, std::size_t i);

constexpr std::size_t max_blobs = 16;

// A copy with all texts in one allocation; descriptors are duplicated (the host keeps a request's) or taken
// over (a reply's).
class Owned {
public:
    enum class Fds { duplicate, take };

    explicit Owned(const agh_request&); // throws std::bad_alloc, std::system_error when descriptors run out
    Owned(const agh_reply&, Fds);
    Owned(Owned&&) = default;
    Owned& operator=(Owned&&) = default;

    [[nodiscard]] const agh_request& request() const { return request_; }
    [[nodiscard]] const agh_reply& reply() const { return reply_; }
    void release_fds(); // the receiver owns them now

private:
    void copy_blobs(const agh_blob* blobs, std::size_t count, std::size_t stride, Fds fds, char*& at);

    agh_request request_{};
    agh_reply reply_{};
    std::unique_ptr<char[]> text_;
    std::vector<agh_blob> blobs_;
    std::vector<base::Fd> fds_;
};

// Closes the descriptors of a reply that will not be delivered.
void close_fds(const agh_reply*);

// Whether it is valid: sizes, status, pointers.
bool readable(const agh_reply*);

} // namespace agenthost::host
