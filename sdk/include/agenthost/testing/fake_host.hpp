// A host for unit tests: a plugin without a daemon.
//
//     // the plugin's source in the test, or load_entry("echo.so")
//     agenthost::testing::FakeHost host{agh_plugin_entry_v1};
//     EXPECT_EQ(host.call("echo.say", R"({"a":1})").json, R"({"a":1})");
//
// It behaves like the host without worker threads: invoke() runs on the thread that calls call() or invoke(),
// tasks of loop/1 on another one. It records everything the plugin sends and rejects what the host would:
// invalid JSON, late and double answers, streams beyond the budget. Params and config are NOT checked against
// the manifest's schemas.
#pragma once

#include "check_reports.hpp"
#include "fake_core.hpp"

namespace agenthost::testing {

class FakeHost : public FakeCore {
public:
    static constexpr std::chrono::seconds max_wait{30};

    explicit FakeHost(const agh_entry_v1& entry, std::string config = "{}")
        : FakeCore{[this](agh_task task, std::uint64_t cookie, std::uint32_t events) {
              if (AGH_HAS(api_, on_task)) api_->on_task(plugin_, task, cookie, events);
          }},
          entry_{entry}, config_{std::move(config)}
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "fakehost-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"cannot make " + pattern};
        state_ = pattern;
    }
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;
    ~FakeHost()
    {
        destroy();
        std::error_code ignored;
        std::filesystem::remove_all(state_, ignored);
    }

    // --- life ---
    FakeOutcome create()
    {
        agh_error error = fresh();
        const agh_status status =
            entry_.create(host_table(), self(), to_bytes(config_), &api_, &plugin_, &error);
        if (status != AGH_OK) api_ = nullptr;
        return outcome(status, error);
    }
    // Calls create() first, if needed. A failed start is followed by destroy, as in the host.
    FakeOutcome start()
    {
        if (api_ == nullptr) {
            if (FakeOutcome created = create(); !created.ok()) return created;
        }
        agh_error error = fresh();
        const agh_status status = api_->start(plugin_, &error);
        if (status != AGH_OK) {
            destroy();
            return outcome(status, error);
        }
        started_ = true;
        loop_.start();
        return {};
    }
    FakeOutcome configure(std::string_view config)
    {
        if (!AGH_HAS(api_, configure)) return {AGH_E_UNSUPPORTED, "", "the plugin has no configure()"};
        agh_error error = fresh();
        const agh_status status = api_->configure(plugin_, to_bytes(config), &error);
        return outcome(status, error);
    }
    // True if the plugin calls drained() within `timeout`.
    bool drain(std::chrono::milliseconds timeout = max_wait)
    {
        if (!AGH_HAS(api_, drain)) return true;
        api_->drain(plugin_);
        return wait([this] { return copy(drained_); }, timeout);
    }
    void destroy()
    {
        loop_.stop();
        if (api_ != nullptr) api_->destroy(plugin_);
        api_ = nullptr;
        plugin_ = nullptr;
        started_ = false;
    }
    FakeOutcome health()
    {
        const auto* table = static_cast<const agh_ext_health*>(extension(AGH_EXT_HEALTH));
        if (table == nullptr) return {};
        agh_error error = fresh();
        const agh_status status = table->check(plugin_, &error);
        return outcome(status, error);
    }
    // What `agenthost config check` would report: create(), agenthost.check/1, destroy(); the plugin is not
    // started. One line per problem, "error KEY: TEXT" or "warning KEY: TEXT".
    std::vector<std::string> check(const std::vector<std::string>& listeners = {})
    {
        if (FakeOutcome created = create(); !created.ok()) return {"error : " + created.text};
        const auto* table = AGH_HAS(api_, extension)
                                ? static_cast<const agh_ext_check*>(api_->extension(plugin_, AGH_EXT_CHECK))
                                : nullptr;
        agh_error error = fresh();
        agh_status status = AGH_OK;
        std::vector<std::string> out;
        if (table != nullptr)
            out = collect_reports(
                listeners, [&](const agh_check& raw) { status = table->check(plugin_, &raw, &error); });
        if (status < 0) out.push_back(std::string{"error : "} + error.text);
        destroy();
        return out;
    }
    const void* extension(const char* id)
    {
        ready();
        return AGH_HAS(api_, extension) ? api_->extension(plugin_, id) : nullptr;
    }

    // --- requests ---
    // Invokes and waits for the answer. Throws std::runtime_error when none comes.
    FakeReply call(std::string_view action, std::string_view params = "{}", const FakeCall& how = {})
    {
        return wait_reply(invoke(action, params, how));
    }
    // Invokes; the answer may already be there. The handler runs on this thread: if it blocks, call this from
    // another thread.
    agh_req invoke(std::string_view action, std::string_view params = "{}", const FakeCall& how = {})
    {
        ready();
        const agh_req id = open(how);
        const agh_request request{.size = sizeof(agh_request),
                                  .flags = how.repeat ? std::uint32_t{AGH_REQUEST_REPEAT} : 0,
                                  .id = id,
                                  .deadline_ns = deadline_of(id),
                                  .action = to_bytes(action),
                                  .params = to_bytes(params),
                                  .target = to_bytes(how.target),
                                  .caller = to_bytes(how.caller),
                                  .blobs = how.blobs.data(),
                                  .blob_count = how.blobs.size(),
                                  .blob_stride = sizeof(agh_blob)};
        agh_error error = fresh();
        const agh_status status = api_->invoke(plugin_, &request, &error);
        if (status != AGH_PENDING) {
            finish(id, {.status = status < 0 ? status : AGH_E_INTERNAL,
                        .json = error_json(error.code,
                                           status < 0 ? error.text
                                                      : "invoke() returned neither PENDING nor an error")});
        }
        return id;
    }
    FakeReply wait_reply(agh_req id, std::chrono::milliseconds timeout = max_wait)
    {
        if (!wait([&] { return reply(id).has_value(); }, timeout))
            throw std::runtime_error{"no answer to the request"};
        return *reply(id);
    }
    std::optional<FakeReply> reply(agh_req id)
    {
        const std::scoped_lock lock{mutex_};
        return requests_[id].reply;
    }
    // Cancels the request, as when the server gives up: cancelled() is 1 and the plugin's cancel() is called.
    // complete() is still due.
    void cancel(agh_req id)
    {
        {
            const std::scoped_lock lock{mutex_};
            requests_[id].cancelled = true;
        }
        if (AGH_HAS(api_, cancel)) api_->cancel(plugin_, id);
    }
    std::vector<std::string> progress(agh_req id)
    {
        const std::scoped_lock lock{mutex_};
        return requests_[id].progress;
    }
    // The output of a channel, assembled by offset.
    std::string streamed(agh_req id, std::uint32_t channel = 1)
    {
        const std::scoped_lock lock{mutex_};
        return requests_[id].streams[channel];
    }
    // From now on streams accept this many bytes, then AGH_E_BUSY; more_stream() adds more and calls
    // writable().
    void stream_budget(std::size_t bytes)
    {
        const std::scoped_lock lock{mutex_};
        budget_ = bytes;
    }
    void more_stream(agh_req id, std::size_t bytes)
    {
        stream_budget(bytes);
        if (AGH_HAS(api_, writable)) api_->writable(plugin_, id);
    }

    // --- what the plugin sent ---
    std::vector<FakeLog> logs() { return copy(logs_); }
    std::vector<FakeEvent> events() { return copy(events_); }
    std::map<std::string, std::string> facts() { return copy(facts_); }
    std::map<std::string, double> metrics()
    {
        return copy(metrics_);
    } // by name; counters summed, others the latest
    std::vector<std::string> mistakes()
    {
        return copy(mistakes_);
    } // against the ABI: late answers, gaps in streams, no JSON
    bool logged(std::string_view part)
    {
        const std::scoped_lock lock{mutex_};
        for (const FakeLog& line : logs_) {
            if (line.message.find(part) != line.message.npos) return true;
        }
        return false;
    }

    // --- what the host offers ---
    [[nodiscard]] const std::filesystem::path& state_directory() const { return state_; }
    FakeLoop& loop() { return loop_; }

    // Waits for something that another thread does: host.wait([&] { return host.logged("done"); }).
    bool wait(const std::function<bool()>& condition, std::chrono::milliseconds timeout = max_wait)
    {
        const auto end = std::chrono::steady_clock::now() + timeout;
        while (!condition()) {
            std::unique_lock lock{mutex_};
            if (std::chrono::steady_clock::now() > end) return false;
            changed_.wait_for(lock, std::chrono::milliseconds{5});
        }
        return true;
    }

private:
    static agh_error fresh() { return {.size = sizeof(agh_error), .status = 0, .code = {}, .text = {}}; }
    static FakeOutcome outcome(agh_status status, const agh_error& error)
    {
        return status == AGH_OK ? FakeOutcome{} : FakeOutcome{status, error.code, error.text};
    }
    void ready()
    {
        if (started_) return;
        if (const FakeOutcome began = start(); !began.ok())
            throw std::runtime_error{"the plugin did not start: " + began.text};
    }

    const agh_entry_v1 entry_; // a copy: a test may pass the result of entry_of()
    std::string config_;
    const agh_plugin_api* api_ = nullptr;
    agh_plugin* plugin_ = nullptr;
    bool started_ = false;
};

} // namespace agenthost::testing
