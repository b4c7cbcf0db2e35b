// State shared by the requests, the context and the entry points of one plugin instance. Not for authors.
#pragma once

#include "../abi.h"
#include "../bytes.hpp"
#include "../ext/log.h"
#include "../function.hpp"

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace agenthost::detail {

// The callbacks of one request. They run one at a time and never after over(), which waits for a running
// callback unless called from it.
class Hooks {
public:
    void set_cancel(Function<void()> fn)
    {
        const std::scoped_lock lock{running_};
        cancel_ = std::move(fn);
    }
    void set_writable(Function<void()> fn)
    {
        const std::scoped_lock lock{running_};
        writable_ = std::move(fn);
    }
    void run_cancel()
    {
        const std::scoped_lock lock{running_};
        if (over_ || !cancel_) return;
        auto once = std::move(
            cancel_); // the callback may set another or end the request: it must not die under itself
        once();
    }
    void run_writable()
    {
        const std::scoped_lock lock{running_};
        if (over_ || !writable_) return;
        auto now = std::move(writable_);
        now();
        if (!writable_) writable_ = std::move(now);
    }
    void over()
    {
        const std::scoped_lock lock{running_};
        over_ = true;
    }

private:
    std::recursive_mutex running_;
    Function<void()> cancel_, writable_;
    bool over_ = false;
};

class Link {
public:
    Link(const agh_host_api* api, agh_host* host)
        : api{api}, host{host}, log_{static_cast<const agh_svc_log*>(api->service(host, AGH_SVC_LOG))}
    {}

    const agh_host_api* const api;
    agh_host* const host;

    [[nodiscard]] bool log_enabled(int level) const noexcept
    {
        return log_ != nullptr && log_->enabled(host, level) != 0;
    }
    void log(int level, std::string_view message, std::string_view fields_json = {}) const noexcept
    {
        if (log_enabled(level)) log_->write(host, level, to_bytes(message), to_bytes(fields_json));
    }
    // Logs the exception in flight: call inside a catch block.
    void log_exception(std::string_view where) const noexcept
    {
        try {
            try {
                throw;
            } catch (const std::exception& e) {
                log(AGH_LOG_ERROR, std::string{where} + " threw: " + e.what());
            } catch (...) {
                log(AGH_LOG_ERROR, std::string{where} + " threw an exception that is not a std::exception");
            }
        } catch (...) {
            log(AGH_LOG_ERROR, "a callback of the plugin threw");
        }
    }

    // Counts requests that wait for their answer; after drain, drained() is called when none is left.
    void opened() noexcept { open_.fetch_add(1, std::memory_order_relaxed); }
    void closed() noexcept
    {
        if (open_.fetch_sub(1) == 1 && draining_) report_drained();
    }
    void drain() noexcept
    {
        draining_ = true;
        if (open_ == 0) report_drained();
    }
    void report_drained() noexcept
    {
        if (!drained_.exchange(true)) api->drained(host);
    }

    std::shared_ptr<Hooks> make_hooks(agh_req id)
    {
        auto made = std::make_shared<Hooks>();
        const std::scoped_lock lock{mutex_};
        hooks_[id] = made;
        return made;
    }
    void drop_hooks(agh_req id) noexcept
    {
        const std::scoped_lock lock{mutex_};
        hooks_.erase(id);
    }
    std::shared_ptr<Hooks> hooks(agh_req id) noexcept
    {
        const std::scoped_lock lock{mutex_};
        const auto found = hooks_.find(id);
        return found == hooks_.end() ? nullptr : found->second;
    }

private:
    const agh_svc_log* log_;
    std::atomic<std::uint64_t> open_{0};
    std::atomic<bool> draining_{false}, drained_{false};
    std::mutex mutex_;
    std::unordered_map<agh_req, std::shared_ptr<Hooks>> hooks_;
};

// The invoke() running on this thread. If an exception destroys an unanswered request, the catch block there
// answers it.
struct Invocation {
    agh_req id = 0;
    int exceptions = 0;
    bool dropped = false;
};
inline thread_local Invocation* invocation = nullptr;

} // namespace agenthost::detail
