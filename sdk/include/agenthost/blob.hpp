// Binary payload beside the JSON: agh_blob with defaults. In a request the host owns the descriptor until the
// Request is moved; a moved Request owns a copy. In a reply or event the host takes ownership, whatever the
// outcome.
#pragma once

#include "abi.h"
#include "bytes.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace agenthost {

struct Blob {
    int fd = -1; // < 0: `data` holds the bytes
    std::uint64_t offset = 0, length = 0;
    std::string_view data = {}, name = {}, media_type = {};
};

namespace detail {

inline agh_blob to_abi(const Blob& blob) noexcept
{
    return {.size = sizeof(agh_blob),
            .fd = blob.fd,
            .offset = blob.offset,
            .length = blob.fd < 0 ? blob.data.size() : blob.length,
            .inl = to_bytes(blob.data),
            .name = to_bytes(blob.name),
            .media_type = to_bytes(blob.media_type)};
}

inline Blob from_abi(const agh_blob& blob) noexcept
{
    return {.fd = blob.fd,
            .offset = blob.offset,
            .length = blob.length,
            .data = to_view(blob.inl),
            .name = to_view(blob.name),
            .media_type = to_view(blob.media_type)};
}

// Element i of an array whose elements may be larger than our struct.
inline const agh_blob& blob_at(const agh_blob* first, std::size_t stride, std::size_t i) noexcept
{
    return *reinterpret_cast<const agh_blob*>(reinterpret_cast<const char*>(first) + i * stride);
}

inline agh_reply make_reply(agh_status status, std::uint32_t flags, std::string_view json,
                            std::span<const agh_blob> blobs = {}) noexcept
{
    return {.size = sizeof(agh_reply),
            .status = status,
            .flags = flags,
            .reserved = 0,
            .json = to_bytes(json),
            .blobs = blobs.data(),
            .blob_count = blobs.size(),
            .blob_stride = sizeof(agh_blob)};
}

} // namespace detail
} // namespace agenthost
