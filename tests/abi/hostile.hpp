// What the parts of the hostile plugin (hostile.cpp) share: its state and one request.
#pragma once

#include <agenthost/abi.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace hostile {

inline std::string_view view(agh_bytes b) { return {static_cast<const char*>(b.data), b.size}; }
inline agh_bytes bytes(std::string_view s) { return {s.data(), s.size()}; }

struct Hostile {
    const agh_host_api* api;
    agh_host* host;
    std::string mode, dir;
    std::vector<std::thread> threads;
    std::mutex mutex;
    std::atomic<int> periods{0};
    std::atomic<bool> flooding{false};
    // The request that on_task() answers.
    std::atomic<agh_req> open{0};

    template <class T> const T* service(const char* id)
    {
        return static_cast<const T*>(api->service(host, id));
    }

    void touch(const std::string& name) const
    {
        ::close(::open((dir + "/" + name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    bool exists(const std::string& name) const { return ::access((dir + "/" + name).c_str(), F_OK) == 0; }
    void block(const std::string& where) const
    {
        touch(where + ".blocked");
        for (int i = 0; i < 24'000 && !exists("release"); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    agh_status reply(agh_req id, std::string_view json, agh_status status = AGH_OK)
    {
        agh_reply r{};
        r.size = sizeof r;
        r.status = status;
        r.json = bytes(json);
        return api->complete(host, id, &r);
    }
    // What a mode does in a life-cycle call.
    void act(const char* call) const
    {
        if (mode == std::string{"throw_"} + call) throw std::runtime_error{std::string{"thrown in "} + call};
        if (mode == std::string{"throw_int_"} + call) throw 42;
        if (mode == std::string{"block_"} + call) block(call);
        if (mode == std::string{"crash_"} + call) std::abort();
        if (mode == std::string{"crash_once_"} + call && !exists("crashed")) {
            touch("crashed");
            std::abort();
        }
    }
    agh_status fail(const char* call, agh_error* error) const
    {
        if (mode == std::string{"mute_"} + call) return AGH_E_INTERNAL;
        if (mode != std::string{"fail_"} + call) return AGH_OK;
        error->status = AGH_E_DENIED;
        // Neither is NUL-terminated: the host must not run off the end.
        std::memset(error->code, 'C', sizeof error->code);
        std::memset(error->text, 'x', sizeof error->text);
        std::memcpy(error->text, "the device is not there", 23);
        error->text[23] = mode == "fail_start" ? '\0' : 'x';
        return AGH_E_DENIED;
    }
};

// What on_task() gets as its cookie. It answers the open request, except where the comment says otherwise.
enum Cookie : std::uint64_t {
    cookie_timer = 11,
    cookie_post = 12,
    cookie_watch = 13,
    // At the third time.
    cookie_period = 14,
    // Never: the timer is cancelled.
    cookie_cancelled = 15,
    // Waits while the loop is flooded; no answer.
    cookie_flood = 16,
    // Posted in start(); no answer.
    cookie_start = 77,
};

inline Hostile& self(agh_plugin* p) { return *reinterpret_cast<Hostile*>(p); }

// One request of an action.
struct Call {
    Hostile& h;
    const agh_request* request;
    agh_error* error;
    [[nodiscard]] agh_req id() const { return request->id; }
    // Answers the request, now or before something worse.
    agh_status answer(std::string_view json) const
    {
        h.reply(id(), json);
        return AGH_PENDING;
    }
};

// Does what the action's name says (hostile_actions.cpp).
agh_status invoke(agh_plugin*, const agh_request*, agh_error*);

} // namespace hostile
