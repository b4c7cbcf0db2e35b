#include "plugin_host.hpp"

#include <agenthost/ext/log.h>
#include <agenthost/testing/json_check.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace agenthost::host::runner {

namespace {

using testing::JsonCheck;

constexpr std::size_t max_facts = 64, max_fact_bytes = 64u << 10; // ext/facts.h
constexpr std::size_t max_calls = 1024;
// Bytes of a frame besides its text.
constexpr std::size_t envelope = 4096;

// The host owns the descriptors of a reply or event whatever the outcome, so ours are closed even if sending
// fails.
class Closing {
public:
    explicit Closing(const agh_reply& reply) : reply_{reply} {}
    Closing(const Closing&) = delete;
    Closing& operator=(const Closing&) = delete;
    ~Closing()
    {
        for (std::size_t i = 0; i < reply_.blob_count; ++i) {
            const int fd = detail::blob_at(reply_.blobs, reply_.blob_stride, i).fd;
            if (fd >= 0) ::close(fd);
        }
    }

private:
    const agh_reply& reply_;
};

} // namespace

agh_status to_status(Channel::Sent sent)
{
    switch (sent) {
    case Channel::Sent::ok: return AGH_OK;
    case Channel::Sent::full: return AGH_E_BUSY;
    case Channel::Sent::closed: return AGH_E_CLOSED;
    default: return AGH_E_INVALID;
    }
}

void PluginHost::set_up(const Create& create)
{
    state_directory_ = create.state_directory;
    services_ = create.services;
    log_level_ = create.log_level;
}

agh_status PluginHost::complete(agh_req id, const agh_reply& reply)
{
    const Closing closing{reply};
    const std::string_view json = to_view(reply.json);
    const bool ok = reply.status == AGH_OK ? json.empty() || JsonCheck::valid(json)
                                           : reply.status < 0 && JsonCheck::object(json);
    Writer out;
    std::vector<int> fds;
    const bool fits = put_reply(out, reply, fds) && out.str().size() <= max_frame;
    bool late = false;
    if (const agh_status status = requests_.complete(id, ok && fits, late); status != AGH_OK) return status;
    const agh_status sent =
        to_status(channel_.send(Channel::Kind::always, Type::complete, id, out.str(), fds));
    return sent == AGH_OK && late ? AGH_E_DEADLINE : sent;
}

agh_status PluginHost::progress(agh_req id, std::string_view json)
{
    if (!JsonCheck::object(json)) return AGH_E_INVALID;
    if (!requests_.is_open(id)) return AGH_E_STALE;
    Writer out;
    return to_status(channel_.send(Channel::Kind::bounded, Type::progress, id, out.text(json).str()));
}

agh_status PluginHost::stream(agh_req id, std::uint32_t channel, std::uint64_t offset, std::string_view bytes)
{
    if (bytes.size() > max_frame - envelope) return AGH_E_INVALID;
    return requests_.stream(id, bytes.size(), [&] {
        Writer out;
        out.u32(channel).u64(offset).text(bytes);
        return to_status(channel_.send(Channel::Kind::always, Type::stream, id, out.str()));
    });
}

void PluginHost::drained() { channel_.send(Channel::Kind::always, Type::drained, 0, {}); }

void PluginHost::log(std::int32_t level, std::string_view message, std::string_view fields)
{
    if (level < log_level_ || level > AGH_LOG_ERROR) return;
    Writer out;
    out.i32(std::max<std::int32_t>(level, AGH_LOG_TRACE)).text(message).text(fields);
    if (channel_.send(Channel::Kind::bounded, Type::log, 0, out.str()) != Channel::Sent::ok) {
        ++lost_lines_;
        return;
    }
    const std::uint64_t lost = lost_lines_.exchange(0);
    if (lost == 0) return;
    Writer said;
    said.i32(AGH_LOG_WARN)
        .text(std::to_string(lost) + " lines of the log were lost: the host did not read")
        .text(std::string_view{});
    channel_.send(Channel::Kind::bounded, Type::log, 0, said.str());
}

agh_status PluginHost::emit(std::string_view topic, std::string_view audience, agh_req origin,
                            const agh_reply& body)
{
    const Closing closing{body};
    const std::string_view json = to_view(body.json);
    if (body.status != AGH_OK || (!json.empty() && !JsonCheck::valid(json))) return AGH_E_INVALID;
    Writer out;
    std::vector<int> fds;
    out.text(topic).text(audience);
    if (!put_reply(out, body, fds)) return AGH_E_INVALID;
    return to_status(channel_.send(Channel::Kind::bounded, Type::emit, origin, out.str(), fds));
}

agh_status PluginHost::publish(std::string_view key, std::string_view json)
{
    if (!json.empty() && !JsonCheck::valid(json)) return AGH_E_INVALID;
    if (json.size() > max_fact_bytes) return AGH_E_BUSY;
    {
        const std::scoped_lock lock{mutex_};
        const auto found = facts_.find(key);
        if (json.empty() && found != facts_.end()) facts_.erase(found);
        if (!json.empty() && found == facts_.end()) {
            if (facts_.size() >= max_facts) return AGH_E_BUSY;
            facts_.emplace(key);
        }
    }
    Writer out;
    return to_status(channel_.send(Channel::Kind::bounded, Type::publish, 0, out.text(key).text(json).str()));
}

agh_status PluginHost::call(agh_req parent, std::string_view action, std::string_view params,
                            std::uint64_t timeout_ns, void (*on_result)(void*, const agh_reply*), void* ctx)
{
    if (!JsonCheck::object(params)) return AGH_E_INVALID;
    if (parent != 0 && !requests_.is_open(parent)) return AGH_E_STALE;
    std::uint64_t id = 0;
    {
        const std::scoped_lock lock{mutex_};
        if (calls_.size() >= max_calls) return AGH_E_BUSY;
        id = ++last_id_;
        calls_[id] = {on_result, ctx};
    }
    Writer out;
    out.u64(parent).u64(timeout_ns).text(action).text(params);
    const agh_status sent = to_status(channel_.send(Channel::Kind::bounded, Type::call, id, out.str()));
    if (sent == AGH_OK) return AGH_PENDING; // a refusal arrives as the result
    const std::scoped_lock lock{mutex_};
    calls_.erase(id);
    return sent;
}

// --- questions to the host

bool PluginHost::is_answer(Type type)
{
    return type == Type::defined || type == Type::log_lines || type == Type::network_settings;
}

void PluginHost::on_answer(std::uint64_t id, std::string body)
{
    const std::scoped_lock lock{mutex_};
    Question& question = questions_[id];
    question.answered = true;
    question.answer = std::move(body);
    answered_.notify_all();
}

agh_status PluginHost::ask(Type type, std::string_view body, std::string& answer)
{
    std::uint64_t id = 0;
    {
        const std::scoped_lock lock{mutex_};
        id = ++last_id_;
        questions_[id] = {};
    }
    const agh_status sent = to_status(channel_.send(Channel::Kind::always, type, id, body));
    std::unique_lock lock{mutex_};
    while (sent == AGH_OK && !questions_[id].answered) {
        if (std::this_thread::get_id() != main_) {
            answered_.wait(lock);
            continue;
        }
        lock.unlock();
        read_answers_(); // nobody else reads frames while the main thread waits
        lock.lock();
    }
    answer = std::move(questions_[id].answer);
    questions_.erase(id);
    return sent;
}

agh_status PluginHost::define(std::string_view json, std::uint32_t* metric)
{
    Writer out;
    std::string answer;
    if (const agh_status sent = ask(Type::define, out.text(json).str(), answer); sent != AGH_OK) return sent;
    Reader in{answer};
    const agh_status status = in.i32();
    *metric = in.u32();
    return status;
}

agh_status PluginHost::read_log(std::int32_t level, std::uint64_t* position, char* buffer, std::size_t* size,
                                std::uint64_t* lost)
{
    Writer out;
    std::string answer;
    const agh_status sent = ask(Type::read_log, out.i32(level).u64(*position).str(), answer);
    if (sent != AGH_OK) return sent;
    Reader in{answer};
    const agh_status status = in.i32();
    const std::uint64_t next = in.u64(), dropped = in.u64();
    const std::string_view lines = in.text();
    if (status != AGH_OK) return status;
    if (!in.done() || lines.size() > *size) return AGH_E_INTERNAL;
    std::memcpy(buffer, lines.data(), lines.size());
    *position = next;
    *lost = dropped;
    *size = lines.size();
    return AGH_OK;
}

agh_status PluginHost::network(agh_req origin, char* buffer, std::size_t* size)
{
    Writer out;
    std::string answer;
    const agh_status sent = ask(Type::ask_network, out.u64(origin).str(), answer);
    if (sent != AGH_OK) return sent;
    Reader in{answer};
    const agh_status status = in.i32();
    const std::string_view json = in.text();
    if (status != AGH_OK) return status;
    if (!in.done() || json.size() > *size) return AGH_E_INTERNAL;
    std::memcpy(buffer, json.data(), json.size());
    *size = json.size();
    return AGH_OK;
}

std::optional<PluginHost::Call> PluginHost::take_call(std::uint64_t id)
{
    const std::scoped_lock lock{mutex_};
    const auto found = calls_.find(id);
    if (found == calls_.end()) return std::nullopt;
    const Call call = found->second;
    calls_.erase(found);
    return call;
}

} // namespace agenthost::host::runner
