// The host as the plugin in a runner sees it: its agh_host. Decides locally whatever it can: whether a
// request is still open, how much output may be in flight, whether text is JSON. Only define(), read_log()
// and network() wait for the host.
//
// More than 25 members, because each function of agh_host_api and of the services is one. Owned by the
// Runner. Threads: called by the plugin from any thread; set_up() and functions named take_ or on_ by the
// Runner's main and control thread.
#pragma once

#include "channel.hpp"
#include "loop.hpp"
#include "plugin_requests.hpp"

#include <agenthost/abi.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>

namespace agenthost::host::runner {

class PluginHost {
public:
    // A result that the plugin waits for.
    struct Call {
        void (*on_result)(void*, const agh_reply*);
        void* ctx;
    };
    // `read_answers`: reads frames on the main thread, passes answers to on_answer() and keeps the others for
    // later.
    PluginHost(Channel& channel, Loop& loop, std::function<void()> read_answers)
        : channel_{channel}, loop_{loop}, read_answers_{std::move(read_answers)}
    {}
    PluginHost(const PluginHost&) = delete;
    PluginHost& operator=(const PluginHost&) = delete;

    void set_up(const Create&); // before the plugin is created
    static const agh_host_api* api();
    [[nodiscard]] agh_host* handle() { return reinterpret_cast<agh_host*>(this); }
    [[nodiscard]] PluginRequests& requests() { return requests_; }

    // Messages of the host.
    void set_log_level(std::int32_t level) { log_level_ = level; }
    static bool is_answer(Type);
    void on_answer(std::uint64_t id, std::string body);
    std::optional<Call> take_call(std::uint64_t id);

private:
    // The plugin's calls as C functions.
    struct Tables;
    friend struct Tables;

    const void* service(std::string_view id) const;
    agh_status complete(agh_req, const agh_reply&);
    agh_status progress(agh_req, std::string_view json);
    agh_status stream(agh_req, std::uint32_t channel, std::uint64_t offset, std::string_view bytes);
    void drained();
    void log(std::int32_t level, std::string_view message, std::string_view fields);
    agh_status emit(std::string_view topic, std::string_view audience, agh_req origin, const agh_reply&);
    agh_status publish(std::string_view key, std::string_view json);
    agh_status define(std::string_view json, std::uint32_t* metric);
    agh_status read_log(std::int32_t level, std::uint64_t* position, char* buffer, std::size_t* size,
                        std::uint64_t* lost);
    agh_status network(agh_req origin, char* buffer, std::size_t* size);
    agh_status call(agh_req parent, std::string_view action, std::string_view params,
                    std::uint64_t timeout_ns, void (*on_result)(void*, const agh_reply*), void* ctx);
    // Sends a question to the host and waits for the answer; status < 0: it could not be sent.
    agh_status ask(Type, std::string_view body, std::string& answer);

    struct Question {
        bool answered = false;
        std::string answer;
    };

    Channel& channel_;
    Loop& loop_;
    const std::function<void()> read_answers_;
    const std::thread::id main_ = std::this_thread::get_id();
    PluginRequests requests_;
    std::string state_directory_;
    std::uint32_t services_ = 0;
    std::atomic<std::int32_t> log_level_{0};
    std::atomic<std::uint64_t> lost_lines_{0};

    std::mutex mutex_; // protects what follows
    std::condition_variable answered_;
    std::unordered_map<std::uint64_t, Call> calls_;
    std::unordered_map<std::uint64_t, Question> questions_;
    std::set<std::string, std::less<>> facts_;
    std::uint64_t last_id_ = 0;
};

agh_status to_status(Channel::Sent);

} // namespace agenthost::host::runner
