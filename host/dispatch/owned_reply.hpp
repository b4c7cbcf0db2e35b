// A plugin's reply, copied; its descriptors have an owner from the first moment.
#pragma once

#include "request.hpp"

#include "base/fd.hpp"

#include "host/plugin/errors.hpp" // code_of

#include <agenthost/abi.h>

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

inline std::string_view view(agh_bytes b) { return {static_cast<const char*>(b.data), b.size}; }
inline agh_bytes bytes(std::string_view s) { return {s.data(), s.size()}; }

// Bytes of one reply; larger ones become an error, because memory is everybody's.
constexpr std::size_t reply_bytes = 16 << 20;

class OwnedReply {
public:
    OwnedReply() = default;
    explicit OwnedReply(const agh_reply&); // takes over the descriptors
    OwnedReply(agh_status status, std::string json, std::uint32_t flags = 0)
        : status_{status}, flags_{flags}, json_{std::move(json)}
    {}

    // For a nested call: `use` gets a reply whose descriptors are its own.
    void hand_over(const CallDone& use);
    [[nodiscard]] agh_reply plain() const; // without descriptors
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

// Nobody takes the descriptors of this reply any further.
void close_blobs(const agh_reply&);

// What a reply means for the peer and the journal. `plugin` and `action` for the sentence when it makes no
// sense.
Answer answer_of(const agh_reply&, std::string_view plugin, std::string_view action);
// The same backwards, for nested calls.
OwnedReply reply_of(const wire::Result&);

} // namespace agenthost::host
