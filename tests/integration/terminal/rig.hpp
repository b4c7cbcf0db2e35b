// The real terminal.so in a FakeHost. Streams are tapped on their way to the host: the FakeHost keeps what
// was put together, this keeps every chunk with its time, lets gaps be (a slow reader's output is dropped)
// and plays a reader that takes nothing.
#pragma once

#include "../../support/sanitized.hpp"
#include "../../support/support.hpp"

#include <agenthost/testing/fake_host.hpp>
#include <agenthost/testing/load.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <pwd.h>
#include <unistd.h>

namespace agenthost::test {

using Json = nlohmann::json;
using testing::FakeCall;
using testing::FakeReply;

inline std::string own_name()
{
    const passwd* entry = ::getpwuid(::geteuid());
    return entry ? entry->pw_name : std::to_string(::geteuid());
}

struct Chunk {
    agh_req id;
    std::uint32_t channel;
    std::uint64_t offset;
    std::string bytes;
    std::chrono::steady_clock::time_point at;
};

class Tap {
public:
    static Tap*& current()
    {
        static Tap* tap = nullptr;
        return tap;
    }
    static agh_status stream(agh_host* host, agh_req id, std::uint32_t channel, std::uint64_t offset,
                             agh_bytes bytes)
    {
        Tap& me = *current();
        if (original()->cancelled(host, id) != 0 && me.refuse_cancelled) return AGH_E_CANCELLED;
        const std::scoped_lock lock{me.mutex};
        if (bytes.size > me.budget) {
            ++me.refused;
            return AGH_E_BUSY;
        }
        me.budget -= me.budget == unlimited ? 0 : bytes.size;
        me.total += bytes.size;
        std::uint64_t& expected = me.next[{id, channel}];
        if (offset < expected) me.disorder = true;
        expected = offset + bytes.size;
        if (me.keep)
            me.chunks.push_back(
                {id, channel, offset, std::string{to_view(bytes)}, std::chrono::steady_clock::now()});
        return AGH_OK;
    }
    static const agh_host_api*& original()
    {
        static const agh_host_api* api = nullptr;
        return api;
    }
    static constexpr std::size_t unlimited = ~std::size_t{0};

    std::mutex mutex;
    std::vector<Chunk> chunks;
    std::map<std::pair<agh_req, std::uint32_t>, std::uint64_t> next;
    std::size_t budget = unlimited, refused = 0;
    std::uint64_t total = 0;
    bool keep = true, disorder = false, refuse_cancelled = false;
};

class Rig {
public:
    // `config` is laid over: everything allowed, as who runs the test.
    explicit Rig(const Json& config = Json::object())
    {
        Json all{{"allow", {"*"}}, {"run_as", own_name()}, {"concurrency", 8}, {"grace", "10s"}};
        all.update(config);
        Tap::current() = &tap;
        real() = &testing::load_entry((plugin_dir() / "terminal.so").string());
        entry_ = *real();
        entry_.create = [](const agh_host_api* api, agh_host* host, agh_bytes json,
                           const agh_plugin_api** out, agh_plugin** plugin, agh_error* error) {
            // Once: every FakeHost has the same table, and the thread of an earlier one may be reading it.
            static const agh_host_api tapped = [api] {
                agh_host_api copy = *api;
                copy.stream = Tap::stream;
                Tap::original() = api;
                return copy;
            }();
            return real()->create(&tapped, host, json, out, plugin, error);
        };
        host_ = std::make_unique<testing::FakeHost>(entry_, all.dump());
    }
    ~Rig() { host_.reset(); }
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;

    testing::FakeHost& host() { return *host_; }

    struct Ran {
        agh_req id = 0;
        FakeReply reply;
        Json data;
        std::string out, err;
        [[nodiscard]] int exit_code() const { return data.value("exit_code", -1); }
        [[nodiscard]] std::string reason() const { return data.value("reason", reply.code()); }
    };
    agh_req start(const Json& params, const std::string& server = "test")
    {
        return host_->invoke("terminal.run", params.dump(),
                             {.caller = Json{{"server", server}, {"protocol", "dashboard"}}.dump()});
    }
    Ran finish(agh_req id)
    {
        Ran ran{.id = id,
                .reply = host_->wait_reply(id, std::chrono::minutes{5}),
                .data = {},
                .out = out(id, 1),
                .err = out(id, 2)};
        ran.data = ran.reply.ok() ? Json::parse(ran.reply.json) : Json::object();
        return ran;
    }
    Ran run(const Json& params) { return finish(start(params)); }
    Ran sh(const std::string& command, Json more = Json::object())
    {
        more["command"] = command;
        return run(more);
    }
    FakeReply call(const std::string& verb, const Json& params, const std::string& server = "test")
    {
        const agh_req id =
            host_->invoke("terminal." + verb, params.dump(),
                          {.caller = Json{{"server", server}, {"protocol", "dashboard"}}.dump()});
        return host_->wait_reply(id, max_wait);
    }
    // What came on a channel, gaps left out.
    std::string out(agh_req id, std::uint32_t channel = 1)
    {
        const std::scoped_lock lock{tap.mutex};
        std::string text;
        for (const Chunk& chunk : tap.chunks)
            if (chunk.id == id && chunk.channel == channel) text += chunk.bytes;
        return text;
    }
    bool wait_out(agh_req id, const std::string& part, std::uint32_t channel = 1)
    {
        return wait_for([&] { return out(id, channel).find(part) != std::string::npos; });
    }
    bool running(const std::string& command_id, const std::string& server = "test")
    {
        const Json list = Json::parse(call("list", Json::object(), server).json);
        for (const Json& one : list.at("commands"))
            if (one.at("commandId") == command_id)
                return one.at("status") == "running" && one.contains("pid");
        return false;
    }
    std::vector<Chunk> chunks(agh_req id, std::uint32_t channel = 1)
    {
        const std::scoped_lock lock{tap.mutex};
        std::vector<Chunk> mine;
        for (const Chunk& chunk : tap.chunks)
            if (chunk.id == id && chunk.channel == channel) mine.push_back(chunk);
        return mine;
    }
    void budget(std::size_t bytes)
    {
        const std::scoped_lock lock{tap.mutex};
        tap.budget = bytes;
    }
    void more(agh_req id, std::size_t bytes)
    {
        budget(bytes);
        host_->more_stream(id, bytes); // says writable()
    }

    Tap tap;

private:
    static const agh_entry_v1*& real()
    {
        static const agh_entry_v1* entry = nullptr;
        return entry;
    }
    agh_entry_v1 entry_{};
    std::unique_ptr<testing::FakeHost> host_;
};

inline bool alive(pid_t pid)
{
    // A zombie is dead: somebody else's to reap.
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    const auto at = stat.rfind(") ");
    return at != stat.npos && stat[at + 2] != 'Z' && stat[at + 2] != 'X';
}
inline pid_t pid_in(const std::filesystem::path& file)
{
    wait_for(
        [&] { return std::filesystem::exists(file) && read_file(file).find('\n') != std::string::npos; });
    return std::stoi(read_file(file));
}

} // namespace agenthost::test
