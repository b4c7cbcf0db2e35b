// The plugin's calls that wait for an answer from the host: defining a metric, reading the daemon's log, network settings.
#include "runner.hpp"

#include <poll.h>

#include <cstring>

namespace agenthost::host::runner {

agh_status to_status(Channel::Sent sent)
{
    switch (sent) {
    case Channel::Sent::ok: return AGH_OK;
    case Channel::Sent::full: return AGH_E_BUSY;
    case Channel::Sent::closed: return AGH_E_CLOSED;
    default: return AGH_E_INVALID;
    }
}

namespace {

bool is_answer(Type type)
{
    return type == Type::defined || type == Type::log_lines || type == Type::network_settings;
}

} // namespace

agh_status Runner::ask(Type type, std::string_view body, std::string& answer)
{
    std::uint64_t id = 0;
    {
        const std::scoped_lock lock{mutex_};
        id = ++last_id_;
        asked_[id] = {};
    }
    const agh_status sent = to_status(channel_.send(Channel::Kind::always, type, id, body));
    std::unique_lock lock{mutex_};
    while (sent == AGH_OK && !asked_[id].done) {
        if (std::this_thread::get_id() != reader_) {
            changed_.wait(lock);
            continue;
        }
        // On the main thread nobody else reads frames, so it reads them here and defers all others.
        lock.unlock();
        bool got = false;
        Kept frame = read_frame(got);
        if (got && is_answer(frame.header.type))
            handle(std::move(frame));
        else if (got)
            deferred_.push_back(std::move(frame));
        else {
            channel_.flush();
            pollfd readable{channel_.fd(),
                            static_cast<short>(channel_.wants_write() ? POLLIN | POLLOUT : POLLIN), 0};
            ::poll(&readable, 1, -1);
        }
        lock.lock();
    }
    answer = std::move(asked_[id].answer);
    asked_.erase(id);
    return sent;
}

agh_status Runner::define(std::string_view json, std::uint32_t* metric)
{
    Writer out;
    std::string answer;
    if (const agh_status sent = ask(Type::define, out.text(json).str(), answer); sent != AGH_OK) return sent;
    Reader in{answer};
    const agh_status said = in.i32();
    *metric = in.u32();
    return said;
}

agh_status Runner::read_log(std::int32_t level, std::uint64_t* position, char* buffer, std::size_t* size,
                            std::uint64_t* lost)
{
    Writer out;
    std::string answer;
    const agh_status sent = ask(Type::read_log, out.i32(level).u64(*position).str(), answer);
    if (sent != AGH_OK) return sent;
    Reader in{answer};
    const agh_status said = in.i32();
    const std::uint64_t next = in.u64(), dropped = in.u64();
    const std::string_view lines = in.text();
    if (said != AGH_OK) return said;
    if (!in.done() || lines.size() > *size) return AGH_E_INTERNAL;
    std::memcpy(buffer, lines.data(), lines.size());
    *position = next;
    *lost = dropped;
    *size = lines.size();
    return AGH_OK;
}

agh_status Runner::network(agh_req origin, char* buffer, std::size_t* size)
{
    Writer out;
    std::string answer;
    const agh_status sent = ask(Type::ask_network, out.u64(origin).str(), answer);
    if (sent != AGH_OK) return sent;
    Reader in{answer};
    const agh_status said = in.i32();
    const std::string_view json = in.text();
    if (said != AGH_OK) return said;
    if (!in.done() || json.size() > *size) return AGH_E_INTERNAL;
    std::memcpy(buffer, json.data(), json.size());
    *size = json.size();
    return AGH_OK;
}

} // namespace agenthost::host::runner
