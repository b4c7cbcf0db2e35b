// The messages between host and runner: frames with a fixed header and fields with explicit sizes, plus
// descriptors. Both ends are built from this file and shipped together, so a different version is rejected,
// not negotiated. Sans-io. Reading checks every bound: the other end may be broken or hostile.
#pragma once

#include <agenthost/blob.hpp>
#include <agenthost/error.hpp>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host::runner {

constexpr std::uint32_t protocol_version = 2;
// A request's params are bounded by limits.message_bytes, far below.
constexpr std::size_t max_frame = 16u << 20;
constexpr std::size_t max_blobs = 64; // descriptors in one message; the kernel's own bound is 253
// Unacknowledged output of one request in bytes; beyond it BUSY.
constexpr std::size_t stream_window = 128u << 10;
constexpr std::size_t max_streams = 16u << 20; // the same for all requests together

enum class Type : std::uint16_t {
    // host -> runner. id: of the operation, the request or the call
    create = 1,
    start,
    configure,
    health,
    drain,
    destroy, // each answered by done
    invoke,
    cancel,
    credit,
    call_result,
    defined,
    log_level,
    log_lines,
    network_settings,
    // runner -> host
    done = 100,
    refused,
    complete,
    progress,
    stream,
    drained,
    log,
    emit,
    publish,
    define,
    record,
    call,
    read_log,
    ask_network,
};

struct Header {
    std::uint32_t size = 0; // of what follows
    Type type{};
    std::uint16_t fds = 0; // how many descriptors belong to it
    std::uint64_t id = 0;
};
static_assert(sizeof(Header) == 16);

class Writer {
public:
    Writer& u8(std::uint8_t v) { return raw(&v, sizeof v); }
    Writer& u32(std::uint32_t v) { return raw(&v, sizeof v); }
    Writer& i32(std::int32_t v) { return raw(&v, sizeof v); }
    Writer& u64(std::uint64_t v) { return raw(&v, sizeof v); }
    Writer& f64(double v) { return raw(&v, sizeof v); }
    Writer& text(std::string_view v) { return u64(v.size()).raw(v.data(), v.size()); }
    Writer& text(agh_bytes v) { return text(to_view(v)); }
    [[nodiscard]] const std::string& str() const { return out_; }

private:
    Writer& raw(const void* data, std::size_t size)
    {
        if (size > 0) out_.append(static_cast<const char*>(data), size);
        return *this;
    }
    std::string out_;
};

// After the first missing field every value is zero or empty, and ok() is false.
class Reader {
public:
    explicit Reader(std::string_view in) : in_{in} {}
    std::uint8_t u8() { return fixed<std::uint8_t>(); }
    std::uint32_t u32() { return fixed<std::uint32_t>(); }
    std::int32_t i32() { return fixed<std::int32_t>(); }
    std::uint64_t u64() { return fixed<std::uint64_t>(); }
    double f64() { return fixed<double>(); }
    std::string_view text()
    {
        const std::uint64_t size = u64();
        if (size > in_.size()) return ok_ = false, std::string_view{};
        const std::string_view out = in_.substr(0, size);
        in_.remove_prefix(size);
        return out;
    }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool done() const { return ok_ && in_.empty(); } // complete, without trailing bytes

private:
    template <class T> T fixed()
    {
        T v{};
        if (in_.size() < sizeof v) return ok_ = false, in_ = {}, v;
        std::memcpy(&v, in_.data(), sizeof v);
        in_.remove_prefix(sizeof v);
        return v;
    }
    std::string_view in_;
    bool ok_ = true;
};

inline void put_error(Writer& out, agh_status status, const agh_error& error)
{
    // A plugin may have left them without an end.
    out.i32(status)
        .text(std::string_view{error.code, ::strnlen(error.code, sizeof error.code)})
        .text(std::string_view{error.text, ::strnlen(error.text, sizeof error.text)});
}
// Fills the caller's struct, if there is one; returns the status.
inline agh_status get_error(Reader& in, agh_error* error)
{
    const agh_status status = in.i32();
    const std::string_view code = in.text(), text = in.text();
    return status == AGH_OK ? AGH_OK : detail::fill(error, status, code, text);
}

// False: more than a message can carry. The descriptors are listed in `fds`; the caller still owns them.
inline bool put_blobs(Writer& out, const agh_blob* first, std::size_t count, std::size_t stride,
                      std::vector<int>& fds)
{
    if (count > max_blobs) return false;
    out.u32(static_cast<std::uint32_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
        const agh_blob& blob = detail::blob_at(first, stride, i);
        out.u8(blob.fd >= 0 ? 1 : 0)
            .u64(blob.offset)
            .u64(blob.length)
            .text(blob.inl)
            .text(blob.name)
            .text(blob.media_type);
        if (blob.fd >= 0) fds.push_back(blob.fd);
    }
    return true;
}
// The texts point into the input; `fds` are borrowed. ok() becomes false if blobs and descriptors do not
// match.
inline bool get_blobs(Reader& in, const std::vector<int>& fds, std::vector<agh_blob>& out)
{
    const std::uint32_t count = in.u32();
    if (count > max_blobs) return false;
    std::size_t next = 0;
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        const bool has_fd = in.u8() != 0;
        if (has_fd && next >= fds.size()) return false;
        agh_blob blob{};
        blob.size = sizeof blob;
        blob.fd = has_fd ? fds[next++] : -1;
        blob.offset = in.u64();
        blob.length = in.u64();
        blob.inl = to_bytes(in.text());
        blob.name = to_bytes(in.text());
        blob.media_type = to_bytes(in.text());
        out.push_back(blob);
    }
    return in.ok() && next == fds.size();
}

inline bool put_reply(Writer& out, const agh_reply& reply, std::vector<int>& fds)
{
    out.i32(reply.status).u32(reply.flags).text(reply.json);
    return put_blobs(out, reply.blobs, reply.blob_count, reply.blob_stride, fds);
}
// `blobs` is the memory behind reply.blobs.
inline bool get_reply(Reader& in, const std::vector<int>& fds, agh_reply& reply, std::vector<agh_blob>& blobs)
{
    const agh_status status = in.i32();
    const std::uint32_t flags = in.u32();
    const std::string_view json = in.text();
    if (!get_blobs(in, fds, blobs)) return false;
    reply = detail::make_reply(status, flags, json, blobs);
    return status <= 0;
}

inline bool put_request(Writer& out, const agh_request& request, std::vector<int>& fds)
{
    out.u32(request.flags)
        .u64(request.deadline_ns)
        .text(request.action)
        .text(request.params)
        .text(request.target)
        .text(request.caller);
    return put_blobs(out, request.blobs, request.blob_count, request.blob_stride, fds);
}
inline bool get_request(Reader& in, std::uint64_t id, const std::vector<int>& fds, agh_request& request,
                        std::vector<agh_blob>& blobs)
{
    request = {};
    request.size = sizeof request;
    request.id = id;
    request.flags = in.u32();
    request.deadline_ns = in.u64();
    request.action = to_bytes(in.text());
    request.params = to_bytes(in.text());
    request.target = to_bytes(in.text());
    request.caller = to_bytes(in.text());
    if (!get_blobs(in, fds, blobs)) return false;
    request.blobs = blobs.data();
    request.blob_count = blobs.size();
    request.blob_stride = sizeof(agh_blob);
    return in.done();
}

// The first message.
struct Create {
    std::string_view library, plugin_id, state_directory, config;
    std::uint32_t services = 0; // bits of Service
    std::uint32_t concurrency = 1;
    std::int32_t log_level = 0;
};
enum Service : std::uint32_t {
    svc_log = 1,
    svc_events = 2,
    svc_facts = 4,
    svc_state = 8,
    svc_metrics = 16,
    svc_call = 32,
    svc_log_tap = 64,
    svc_network = 128
};
// The plugin's optional functions, in the answer to create.
enum Offer : std::uint32_t {
    has_configure = 1,
    has_cancel = 2,
    has_writable = 4,
    has_drain = 8,
    has_health = 16
};

inline std::string put_create(const Create& create)
{
    Writer out;
    out.u32(protocol_version)
        .text(create.library)
        .text(create.plugin_id)
        .text(create.state_directory)
        .text(create.config);
    out.u32(create.services).u32(create.concurrency).i32(create.log_level);
    return out.str();
}
inline bool get_create(std::string_view bytes, Create& create)
{
    Reader in{bytes};
    if (in.u32() != protocol_version) return false;
    create.library = in.text(), create.plugin_id = in.text(), create.state_directory = in.text(),
    create.config = in.text();
    create.services = in.u32(), create.concurrency = in.u32(), create.log_level = in.i32();
    return in.done();
}

} // namespace agenthost::host::runner
