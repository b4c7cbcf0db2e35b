#include "proxy_requests.hpp"

#include <agenthost/error.hpp>

#include <sys/stat.h>

namespace agenthost::host::runner {

namespace {

// Open requests; dispatch admits far fewer.
constexpr std::size_t max_open = 4096;
// Bytes that wait until the host accepts them; a correct runner stays below a quarter.
constexpr std::size_t max_held = 4 * max_streams;

} // namespace

bool regular_files(const std::vector<base::Fd>& fds)
{
    for (const base::Fd& fd : fds) {
        struct stat info {};
        if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
    }
    return true;
}

// --- called by the host

agh_status ProxyRequests::invoke(const agh_request& request, agh_error* error)
{
    const auto mine = std::make_shared<Open>();
    Writer out;
    std::vector<int> fds;
    if (!put_request(out, request, fds))
        return detail::fill(error, AGH_E_INVALID, "INVALID_REQUEST", "more than 64 blobs in one request");
    {
        const std::scoped_lock lock{mutex_};
        if (!dead_.empty()) return detail::fill(error, AGH_E_CLOSED, "INTERNAL", dead_);
        if (open_.size() >= max_open)
            return detail::fill(error, AGH_E_BUSY, "BUSY",
                                plugin_id_ + " has too many open requests. Try again later.");
        open_[request.id] = mine;
    }
    const Channel::Sent sent =
        channel_.send(Channel::Kind::bounded, Type::invoke, request.id, out.str(), fds);
    if (sent == Channel::Sent::ok) {
        mine->sent = true;
        if (mine->cancelled) channel_.send(Channel::Kind::always, Type::cancel, request.id, {});
        return AGH_PENDING;
    }
    {
        const std::scoped_lock lock{mutex_};
        if (open_.erase(request.id) == 0)
            return AGH_PENDING; // the runner has died in the meantime, and the request has been answered
    }
    if (sent == Channel::Sent::full)
        return detail::fill(error, AGH_E_BUSY, "BUSY",
                            "the runner of " + plugin_id_ + " does not read. Try again later.");
    if (sent == Channel::Sent::too_large)
        return detail::fill(error, AGH_E_INVALID, "INVALID_REQUEST",
                            "params too large for an isolated plugin (16 MiB)");
    return detail::fill(error, AGH_E_CLOSED, "INTERNAL", "the runner of " + plugin_id_ + " is gone");
}

void ProxyRequests::cancel(agh_req id)
{
    std::shared_ptr<Open> request;
    {
        const std::scoped_lock lock{mutex_};
        const auto found = open_.find(id);
        if (found == open_.end()) return;
        request = found->second;
        resumable_.insert(id);
    }
    // If invoke() has not sent the request yet, it sees this flag and sends the cancel after it.
    request->cancelled = true;
    if (request->sent) channel_.send(Channel::Kind::always, Type::cancel, id, {});
    channel_.wake();
}

void ProxyRequests::writable(agh_req id)
{
    const std::scoped_lock lock{mutex_};
    if (!open_.contains(id)) return;
    resumable_.insert(id);
    channel_.wake();
}

// --- messages of the runner

bool ProxyRequests::on_refused(Reader& in, agh_req id)
{
    agh_error error{.size = sizeof(agh_error), .status = AGH_OK, .code = {}, .text = {}};
    const agh_status status = get_error(in, &error);
    if (!in.done() || status >= AGH_OK) return false;
    const std::shared_ptr<Open> request = find(id);
    if (request == nullptr) return true;
    if (request->bytes > 0) acknowledge(id, request->bytes, AGH_E_STALE);
    forget(id);
    fail(id, status, status == AGH_E_BUSY ? std::uint32_t{AGH_REPLY_NOT_STARTED} : 0u, error.code,
         error.text);
    return true;
}

bool ProxyRequests::on_complete(Frame& frame)
{
    const std::shared_ptr<Open> request = find(frame.header.id);
    if (request == nullptr) return true; // answered when the runner died, or unknown: ignore it
    if (request->answer) return false;   // a correct runner never sends a second answer
    Reader in{frame.body};
    agh_reply reply{};
    std::vector<agh_blob> blobs;
    if (!get_reply(in, frame.raw_fds(), reply, blobs) || !in.done()) return false;
    if ((held_ += frame.body.size()) > max_held) return false;
    request->answer = Answer{std::string{frame.body}, std::move(frame.fds)};
    if (flush(frame.header.id, *request)) forget(frame.header.id);
    return true;
}

bool ProxyRequests::on_stream(Reader& in, agh_req id)
{
    const std::uint32_t channel = in.u32();
    const std::uint64_t offset = in.u64();
    const std::string_view bytes = in.text();
    if (!in.done()) return false;
    const std::shared_ptr<Open> request = find(id);
    if (request == nullptr) {
        acknowledge(id, bytes.size(), AGH_E_STALE);
        return true;
    }
    if (request->answer) return false; // output after the end
    if (request->bytes > 0 && request->bytes + bytes.size() > stream_window)
        return false; // beyond its credit
    if ((held_ += bytes.size()) > max_held) return false;
    request->bytes += bytes.size();
    request->chunks.push_back({channel, offset, std::string{bytes}});
    flush(id, *request);
    return true;
}

bool ProxyRequests::on_progress(Reader& in, agh_req id)
{
    const std::string_view json = in.text();
    if (!in.done()) return false;
    if (find(id) != nullptr) host_api_->progress(host_, id, to_bytes(json));
    return true;
}

void ProxyRequests::resume_output()
{
    std::set<agh_req> ids;
    {
        const std::scoped_lock lock{mutex_};
        ids.swap(resumable_);
    }
    for (const agh_req id : ids) {
        const std::shared_ptr<Open> request = find(id);
        if (request != nullptr && flush(id, *request)) forget(id);
    }
}

void ProxyRequests::end(const std::string& why)
{
    std::unordered_map<agh_req, std::shared_ptr<Open>> open;
    {
        const std::scoped_lock lock{mutex_};
        dead_ = why;
        open.swap(open_);
    }
    for (auto& [id, request] : open) {
        if (request->answer)
            give_answer(id, *request->answer); // the plugin had finished; only its output was delayed
        else
            fail(id, AGH_E_INTERNAL, AGH_REPLY_UNKNOWN, "INTERNAL",
                 why + ". Its running requests may be partly done.");
    }
}

// --- output and results

bool ProxyRequests::flush(agh_req id, Open& request)
{
    const bool unwanted = request.cancelled && request.answer; // nobody needs the rest of the output
    while (!request.chunks.empty()) {
        const Chunk& chunk = request.chunks.front();
        const agh_status status =
            host_api_->stream(host_, id, chunk.channel, chunk.offset, to_bytes(chunk.bytes));
        if (status == AGH_E_BUSY && !unwanted) return false;
        const std::size_t size = chunk.bytes.size();
        request.bytes -= size;
        held_ -= size;
        request.chunks.pop_front();
        acknowledge(id, size, status == AGH_E_BUSY ? AGH_E_CANCELLED : status);
    }
    if (!request.answer) return false;
    held_ -= request.answer->body.size();
    give_answer(id, *request.answer);
    return true;
}

void ProxyRequests::acknowledge(agh_req id, std::size_t bytes, agh_status status)
{
    Writer out;
    channel_.send(Channel::Kind::always, Type::credit, id, out.u64(bytes).i32(status).str());
}

void ProxyRequests::give_answer(agh_req id, Answer& answer)
{
    std::vector<int> fds;
    for (const base::Fd& fd : answer.fds) fds.push_back(fd.get());
    Reader in{answer.body};
    agh_reply reply{};
    std::vector<agh_blob> blobs;
    if (!get_reply(in, fds, reply, blobs) || !regular_files(answer.fds)) {
        fail(id, AGH_E_INTERNAL, 0, "INTERNAL",
             plugin_id_ + " answered with a descriptor that is not a regular file");
        return;
    }
    for (base::Fd& fd : answer.fds) fd.release(); // the host owns them now, whatever it returns
    if (host_api_->complete(host_, id, &reply) == AGH_E_INVALID)
        fail(id, AGH_E_INTERNAL, 0, "INTERNAL", plugin_id_ + " answered with invalid JSON");
}

void ProxyRequests::fail(agh_req id, agh_status status, std::uint32_t flags, std::string_view code,
                         std::string_view text)
{
    const std::string json = error_json(code.empty() ? status_name(status) : code, text);
    const agh_reply reply = detail::make_reply(status, flags, json);
    host_api_->complete(host_, id, &reply);
}

void ProxyRequests::forget(agh_req id)
{
    const std::scoped_lock lock{mutex_};
    const auto found = open_.find(id);
    if (found == open_.end()) return;
    held_ -= found->second->bytes;
    open_.erase(found);
}

std::shared_ptr<ProxyRequests::Open> ProxyRequests::find(agh_req id)
{
    const std::scoped_lock lock{mutex_};
    const auto found = open_.find(id);
    return found == open_.end() ? nullptr : found->second;
}

} // namespace agenthost::host::runner
