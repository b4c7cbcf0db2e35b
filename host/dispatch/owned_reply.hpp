// Copies a plugin's reply and owns its descriptors; translates replies into answers and back.
//
// Pure, any thread, one at a time. Owned by a Completion in the inbox, or on the stack.
#pragma once

#include "request.hpp"

#include "base/fd.hpp"

// For code_of().
#include "host/plugin/errors.hpp"

#include <agenthost/abi.h>

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

inline std::string_view view(agh_bytes b) { return {static_cast<const char*>(b.data), b.size}; }
inline agh_bytes bytes(std::string_view s) { return {s.data(), s.size()}; }

// A larger reply becomes an error.
constexpr std::size_t max_reply_bytes = 16 << 20;

class OwnedReply {
public:
    OwnedReply() = default;
    // Takes over the descriptors.
    explicit OwnedReply(const agh_reply&);
    OwnedReply(agh_status status, std::string json, std::uint32_t flags = 0)
        : status_{status}, flags_{flags}, json_{std::move(json)}
    {}

    // For a nested call: `use` gets the descriptors and owns them.
    void hand_over(const CallDone& use);
    // Without descriptors.
    [[nodiscard]] agh_reply plain() const;
    [[nodiscard]] std::size_t size() const { return json_.size(); }

private:
    struct Blob {
        base::Fd fd;
        std::uint64_t offset, length;
        std::string inl, name, media_type;
    };
    agh_status status_ = AGH_OK;
    std::uint32_t flags_ = 0;
    std::string json_;
    std::vector<Blob> blobs_;
};

// Closes the descriptors of a reply that is not passed on.
void close_blobs(const agh_reply&);

// What a reply means for the peer and the journal. An invalid reply becomes an error that names `plugin` and
// `action`.
Answer answer_of(const agh_reply&, std::string_view plugin, std::string_view action);
// The reverse, for nested calls.
OwnedReply reply_of(const wire::Result&);

} // namespace agenthost::host
