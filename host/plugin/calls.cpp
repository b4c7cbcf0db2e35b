#include "calls.hpp"

#include <mutex>
#include <optional>
#include <unordered_map>

namespace agenthost::host {
namespace {

constexpr std::size_t max_calls = 1024;

struct Out {
    void (*on_result)(void*, const agh_reply*) = nullptr;
    void* ctx = nullptr;
};

} // namespace

struct Calls::State {
    HostServices& services;
    std::string plugin;
    Deliver deliver;
    Guard guard;
    std::mutex mutex;
    std::unordered_map<std::uint64_t, Out> out;
    std::uint64_t last = 0;
    bool closed = false;

    std::optional<Out> take(std::uint64_t id)
    {
        const std::lock_guard lock{mutex};
        const auto found = out.find(id);
        if (found == out.end()) return std::nullopt;
        const Out call = found->second;
        out.erase(found);
        return call;
    }

    // Runs on [run].
    void answer(std::uint64_t id, Owned& reply)
    {
        const auto call = take(id);
        if (!call) return; // close() has answered it; Owned closes the descriptors
        guard([&] {
            const agh_reply view = reply.reply();
            reply.release_fds();
            call->on_result(call->ctx, &view);
        });
    }
};

Calls::Calls(HostServices& services, std::string plugin, Deliver deliver, Guard guard)
    : state_{new State{services, std::move(plugin), std::move(deliver), std::move(guard), {}, {}, 0, false}}
{}

Calls::~Calls() = default;

agh_status Calls::call(agh_req parent, std::string_view action, std::string_view params,
                       std::uint64_t timeout_ns, void (*on_result)(void*, const agh_reply*), void* ctx)
{
    std::uint64_t id = 0;
    {
        const std::lock_guard lock{state_->mutex};
        if (state_->closed) return AGH_E_STALE;
        if (state_->out.size() >= max_calls) return AGH_E_BUSY;
        id = ++state_->last;
        state_->out[id] = {on_result, ctx};
    }
    const agh_status status = state_->services.call(
        state_->plugin, parent, action, params, timeout_ns, [state = state_, id](const agh_reply& reply) {
            auto copy = std::make_shared<Owned>(reply, Owned::Fds::take);
            state->deliver([state, id, copy] { state->answer(id, *copy); });
        });
    if (status != AGH_PENDING) state_->take(id);
    return status == AGH_OK ? AGH_E_INTERNAL : status;
}

void Calls::close()
{
    std::unordered_map<std::uint64_t, Out> left;
    {
        const std::lock_guard lock{state_->mutex};
        state_->closed = true;
        for (const auto& [id, call] : state_->out) left.emplace(id, call);
    }
    for (const auto& [id, call] : left)
        state_->deliver([state = state_, id = id] {
            static constexpr std::string_view why =
                R"({"code":"INTERRUPTED","message":"the plugin that called is stopping"})";
            agh_reply reply{sizeof reply, AGH_E_CLOSED, 0, 0, bytes(why), nullptr, 0, sizeof(agh_blob)};
            Owned copy{reply, Owned::Fds::take};
            state->answer(id, copy);
        });
}

} // namespace agenthost::host
