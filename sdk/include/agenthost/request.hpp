// One request: read it and answer it exactly once, from any thread. Mistakes are safe: a Request destroyed
// unanswered answers INTERNAL (or CANCELLED, if it was cancelled); a second answer is rejected with
// AGH_E_STALE.
//
// A handler that answers before it returns copies nothing. To keep a Request, move it (into a queue, a
// lambda, a thread): the first move copies its bytes and its descriptors, so take views of them after the
// move, not before.
//
// Threads: answer and move it from one thread at a time; cancelled(), progress() and stream() from any, while
// the Request lives.
#pragma once

#include "blob.hpp"
#include "bytes.hpp"
#include "detail/link.hpp"
#include "error.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost {

// Flags of fail().
inline constexpr std::uint32_t not_started =
    AGH_REPLY_NOT_STARTED; // certainly nothing was done: the same id may run again
inline constexpr std::uint32_t outcome_unknown =
    AGH_REPLY_UNKNOWN; // part may have been done: never run again

namespace detail {

// An agh_request with its own memory and descriptors.
class OwnedRequest {
public:
    explicit OwnedRequest(const agh_request& from) : raw_{from}
    {
        const agh_bytes parts[] = {from.action, from.params, from.target, from.caller};
        std::size_t size = 0;
        for (const agh_bytes& part : parts) size += part.size;
        text_.reserve(size); // never grows beyond: the views below stay valid
        agh_bytes* own[] = {&raw_.action, &raw_.params, &raw_.target, &raw_.caller};
        for (std::size_t i = 0; i < 4; ++i) *own[i] = keep(text_, parts[i]);
        copy_blobs(from);
        raw_.size = sizeof raw_;
    }
    OwnedRequest(const OwnedRequest&) = delete;
    OwnedRequest& operator=(const OwnedRequest&) = delete;
    ~OwnedRequest() { close_all(); }
    [[nodiscard]] const agh_request& raw() const noexcept { return raw_; }

private:
    static agh_bytes keep(std::string& into, agh_bytes bytes)
    {
        const std::size_t at = into.size();
        into += to_view(bytes);
        return {into.data() + at, bytes.size};
    }
    void copy_blobs(const agh_request& from)
    {
        if (from.blob_count == 0) return;
        blobs_.reserve(from.blob_count);
        std::size_t size = 0;
        for (std::size_t i = 0; i < from.blob_count; ++i) {
            const agh_blob& blob = blob_at(from.blobs, from.blob_stride, i);
            size += blob.inl.size + blob.name.size + blob.media_type.size;
        }
        blob_text_.reserve(size);
        for (std::size_t i = 0; i < from.blob_count; ++i) {
            agh_blob blob = blob_at(from.blobs, from.blob_stride, i);
            if (blob.fd >= 0) blob.fd = dup_of(blob.fd);
            blob.inl = keep(blob_text_, blob.inl);
            blob.name = keep(blob_text_, blob.name);
            blob.media_type = keep(blob_text_, blob.media_type);
            blobs_.push_back(blob);
        }
        raw_.blobs = blobs_.data();
        raw_.blob_stride = sizeof(agh_blob);
    }

    int dup_of(int fd)
    {
        const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (own >= 0) return own;
        close_all();
        throw std::bad_alloc{};
    }
    void close_all() noexcept
    {
        for (const agh_blob& blob : blobs_) {
            if (blob.fd >= 0) ::close(blob.fd);
        }
        blobs_.clear();
    }

    agh_request raw_;
    std::string text_, blob_text_;
    std::vector<agh_blob> blobs_;
};

// The ABI's status for a standard error code; INTERNAL if there is no other.
inline agh_status status_of(std::string_view code) noexcept
{
    if (code == "CANCELLED") return AGH_E_CANCELLED;
    if (code == "TIMEOUT") return AGH_E_DEADLINE;
    if (code == "BUSY" || code == "QUEUE_FULL" || code == "RATE_LIMIT") return AGH_E_BUSY;
    if (code == "DENIED") return AGH_E_DENIED;
    if (code == "INVALID_REQUEST") return AGH_E_INVALID;
    if (code.ends_with("NOT_FOUND")) return AGH_E_NOT_FOUND;
    return AGH_E_INTERNAL;
}

} // namespace detail

class Request {
public:
    Request(detail::Link& link, const agh_request& raw) noexcept : link_{&link}, raw_{&raw} { link.opened(); }
    Request(Request&& other) noexcept
        : link_{std::exchange(other.link_, nullptr)}, raw_{other.raw_}, owned_{std::move(other.owned_)},
          hooks_{std::move(other.hooks_)}, answered_{other.answered_}
    {
        if (link_ != nullptr && !owned_) own();
    }
    Request& operator=(Request&& other) noexcept
    {
        if (this != &other) {
            this->~Request();
            new (this) Request{std::move(other)};
        }
        return *this;
    }
    ~Request() { end(); }

    [[nodiscard]] agh_req id() const noexcept { return raw_->id; }
    [[nodiscard]] std::string_view action() const noexcept { return to_view(raw_->action); }
    [[nodiscard]] std::string_view params() const noexcept
    {
        return to_view(raw_->params);
    } // a JSON object, already validated
    [[nodiscard]] std::string_view target() const noexcept { return to_view(raw_->target); }
    [[nodiscard]] std::string_view caller() const noexcept
    {
        return to_view(raw_->caller);
    } // JSON, see abi.h
    // This id ran before and may have had effects; only actions marked idempotent see it.
    [[nodiscard]] bool is_repeat() const noexcept { return (raw_->flags & AGH_REQUEST_REPEAT) != 0; }
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept
    {
        if (raw_->deadline_ns == 0) return std::nullopt;
        return std::chrono::steady_clock::time_point{
            std::chrono::nanoseconds{static_cast<std::int64_t>(raw_->deadline_ns)}};
    }
    [[nodiscard]] std::size_t blob_count() const noexcept { return raw_->blob_count; }
    [[nodiscard]] Blob blob(std::size_t i) const noexcept
    {
        return detail::from_abi(detail::blob_at(raw_->blobs, raw_->blob_stride, i));
    }

    // Cancelled, past its deadline, or answered. A cheap poll for loops.
    [[nodiscard]] bool cancelled() const noexcept
    {
        return link_ == nullptr || answered_ || link_->api->cancelled(link_->host, id()) != 0;
    }
    // `fn` runs once, on a host thread, when the request is cancelled; at once if it already is. It must not
    // block and never runs after this Request is destroyed (the destructor waits for it).
    void on_cancel(Function<void()> fn)
    {
        hooks().set_cancel(std::move(fn));
        if (link_->api->cancelled(link_->host, id()) != 0) hooks_->run_cancel();
    }
    // `fn` runs whenever stream() may be called again after AGH_E_BUSY. Same rules.
    void on_writable(Function<void()> fn) { hooks().set_writable(std::move(fn)); }

    // A JSON object: {"done":1,"total":4,"unit":"bytes"}.
    agh_status progress(std::string_view json) const noexcept
    {
        if (link_ == nullptr) return AGH_E_STALE;
        return link_->api->progress(link_->host, id(), to_bytes(json));
    }
    // Output; `offset` is the position of the first byte in the whole channel. AGH_E_BUSY: nothing was
    // accepted, see on_writable.
    agh_status stream(std::uint32_t channel, std::uint64_t offset, std::string_view bytes) const noexcept
    {
        if (link_ == nullptr) return AGH_E_STALE;
        return link_->api->stream(link_->host, id(), channel, offset, to_bytes(bytes));
    }

    // The result: any JSON value or nothing. AGH_E_INVALID: it is not valid JSON, and the request is still
    // unanswered.
    agh_status reply(std::string_view json = {}) noexcept { return complete(AGH_OK, 0, json, {}); }
    // The host takes ownership of the descriptors, even if this fails.
    agh_status reply(std::string_view json, std::span<const Blob> blobs)
    {
        std::vector<agh_blob> raw;
        raw.reserve(blobs.size());
        for (const Blob& blob : blobs) raw.push_back(detail::to_abi(blob));
        return complete(AGH_OK, 0, json, raw);
    }
    // `code` is a standard code (FILE_NOT_FOUND), `message` says what, where and how to fix; flags:
    // not_started, outcome_unknown.
    agh_status fail(std::string_view code, std::string_view message, std::string_view detail = {},
                    std::uint32_t flags = 0, std::string_view data_json = {})
    {
        return complete(detail::status_of(code), flags, error_json(code, message, detail, data_json), {});
    }
    agh_status fail(const Error& error, std::uint32_t flags = 0)
    {
        const agh_status status = error.status() < 0 ? error.status() : AGH_E_INTERNAL;
        return complete(status, flags, error_json(error.code(), error.what()), {});
    }

    // False once answered or moved from.
    [[nodiscard]] bool pending() const noexcept { return link_ != nullptr && !answered_; }

private:
    agh_status complete(agh_status status, std::uint32_t flags, std::string_view json,
                        std::span<const agh_blob> blobs) noexcept
    {
        const agh_reply reply = detail::make_reply(status, flags, json, blobs);
        if (!pending()) {
            for (const agh_blob& blob : blobs) {
                if (blob.fd >= 0) ::close(blob.fd);
            }
            return AGH_E_STALE;
        }
        const agh_status said = link_->api->complete(link_->host, id(), &reply);
        if (said != AGH_E_INVALID && said != AGH_E_NOMEM && said != AGH_E_BUSY) answer_given();
        return said;
    }
    void answer_given() noexcept
    {
        answered_ = true;
        link_->closed();
    }
    detail::Hooks& hooks()
    {
        if (!hooks_) hooks_ = link_->make_hooks(id());
        return *hooks_;
    }
    void own() noexcept
    {
        try {
            owned_ = std::make_unique<detail::OwnedRequest>(*raw_);
            raw_ = &owned_->raw();
        } catch (...) { // no memory to keep it: answer with an error now
            complete(AGH_E_NOMEM, 0, R"({"code":"INTERNAL","message":"out of memory or descriptors"})", {});
            end();
        }
    }
    void end() noexcept
    {
        if (link_ == nullptr) return;
        if (hooks_) {
            link_->drop_hooks(id());
            hooks_->over();
        }
        if (!answered_) answer_for_the_forgetful();
        link_ = nullptr;
    }
    void answer_for_the_forgetful() noexcept
    {
        detail::Invocation* const here = detail::invocation;
        if (here != nullptr && here->id == id() && std::uncaught_exceptions() > here->exceptions) {
            here->dropped = true; // the catch block in invoke() has the exception and answers
            answered_ = true;
            return;
        }
        if (link_->api->cancelled(link_->host, id()) != 0) {
            complete(AGH_E_CANCELLED, 0, R"({"code":"CANCELLED","message":"cancelled"})", {});
        } else {
            complete(AGH_E_INTERNAL, 0, R"({"code":"INTERNAL","message":"the plugin dropped the request"})",
                     {});
        }
        if (!answered_) answer_given();
    }

    detail::Link* link_;
    const agh_request* raw_; // the host's while in the handler, then owned_'s
    std::unique_ptr<detail::OwnedRequest> owned_;
    std::shared_ptr<detail::Hooks> hooks_;
    bool answered_ = false;
};

} // namespace agenthost
