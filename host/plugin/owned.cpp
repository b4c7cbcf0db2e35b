#include "owned.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <system_error>

namespace agenthost::host {
namespace {

constexpr std::size_t min_reply = offsetof(agh_reply, blob_stride) + sizeof(agh_reply::blob_stride);
constexpr std::size_t min_blob = offsetof(agh_blob, media_type) + sizeof(agh_blob::media_type);

std::size_t text_size(const agh_blob* blobs, std::size_t count, std::size_t stride)
{
    std::size_t n = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const agh_blob b = blob_at(blobs, stride, i);
        n += view(b.inl).size() + view(b.name).size() + view(b.media_type).size();
    }
    return n;
}

agh_bytes keep(agh_bytes from, char*& at)
{
    const std::string_view text = view(from);
    if (text.empty()) return {};
    std::memcpy(at, text.data(), text.size());
    const agh_bytes out{at, text.size()};
    at += text.size();
    return out;
}

} // namespace

agh_blob blob_at(const agh_blob* blobs, std::size_t stride, std::size_t i)
{
    agh_blob out{};
    out.fd = -1;
    std::memcpy(&out, reinterpret_cast<const char*>(blobs) + i * stride, std::min(stride, sizeof out));
    return out;
}

Owned::Owned(const agh_request& from) : request_{from}
{
    text_ = std::make_unique<char[]>(view(from.action).size() + view(from.params).size() +
                                     view(from.target).size() + view(from.caller).size() +
                                     text_size(from.blobs, from.blob_count, from.blob_stride) + 1);
    char* at = text_.get();
    request_.size = sizeof request_;
    request_.action = keep(from.action, at);
    request_.params = keep(from.params, at);
    request_.target = keep(from.target, at);
    request_.caller = keep(from.caller, at);
    copy_blobs(from.blobs, from.blob_count, from.blob_stride, Fds::duplicate, at);
    request_.blobs = blobs_.data();
    request_.blob_count = blobs_.size();
    request_.blob_stride = sizeof(agh_blob);
}

Owned::Owned(const agh_reply& from, Fds fds)
{
    text_ = std::make_unique<char[]>(view(from.json).size() +
                                     text_size(from.blobs, from.blob_count, from.blob_stride) + 1);
    char* at = text_.get();
    reply_ = {sizeof reply_, from.status, from.flags, 0, keep(from.json, at), nullptr, 0, sizeof(agh_blob)};
    copy_blobs(from.blobs, from.blob_count, from.blob_stride, fds, at);
    reply_.blobs = blobs_.data();
    reply_.blob_count = blobs_.size();
}

void Owned::copy_blobs(const agh_blob* blobs, std::size_t count, std::size_t stride, Fds fds, char*& at)
{
    blobs_.reserve(count);
    fds_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        agh_blob b = blob_at(blobs, stride, i);
        b.size = sizeof b;
        b.inl = keep(b.inl, at);
        b.name = keep(b.name, at);
        b.media_type = keep(b.media_type, at);
        if (b.fd >= 0) {
            if (fds == Fds::duplicate) b.fd = ::fcntl(b.fd, F_DUPFD_CLOEXEC, 3);
            if (b.fd < 0)
                throw std::system_error{errno, std::generic_category(), "cannot duplicate a descriptor"};
            fds_.emplace_back(b.fd);
        }
        blobs_.push_back(b);
    }
}

void Owned::release_fds()
{
    for (base::Fd& fd : fds_) fd.release();
    fds_.clear();
}

void close_fds(const agh_reply* reply)
{
    if (!reply || reply->size < min_reply || !reply->blobs || reply->blob_stride < min_blob) return;
    for (std::size_t i = 0; i < std::min(reply->blob_count, max_blobs); ++i)
        base::Fd{blob_at(reply->blobs, reply->blob_stride, i).fd};
}

bool readable(const agh_reply* reply)
{
    if (!reply || reply->size < min_reply || reply->status > 0) return false;
    if (!reply->json.data && reply->json.size > 0) return false;
    if (reply->blob_count == 0) return true;
    if (!reply->blobs || reply->blob_count > max_blobs || reply->blob_stride < min_blob) return false;
    for (std::size_t i = 0; i < reply->blob_count; ++i) {
        const agh_blob b = blob_at(reply->blobs, reply->blob_stride, i);
        if (b.size < min_blob) return false;
        for (const agh_bytes& text : {b.inl, b.name, b.media_type})
            if (!text.data && text.size > 0) return false;
    }
    return true;
}

} // namespace agenthost::host
