// A plugin in C++: a class with its actions, and a manifest beside it. A complete plugin:
//
//     #include <agenthost/plugin.hpp>
//
//     class Echo : public agenthost::Plugin {
//     public:
//         explicit Echo(agenthost::Context& ctx) {
//             ctx.on("echo.say", [](agenthost::Request request) { request.reply(request.params()); });
//         }
//     };
//     AGENTHOST_PLUGIN(Echo)
//
// Built by agenthost_add_plugin(echo echo.cpp) with manifest.json; see sdk/GUIDE.md. Header-only over abi.h,
// std only. No exception leaves the plugin: every entry point catches.
#pragma once

#include "context.hpp"
#include "detail/entry.hpp"
#include "error.hpp"
#include "ext/check.h"
#include "request.hpp"

#include <string>
#include <string_view>

namespace agenthost {

struct Health {
    agh_status status = AGH_OK; // AGH_E_BUSY: degraded; other < 0: unhealthy
    std::string text;           // if not AGH_OK: what, where, how to fix
};

// Collects the problems that check() reports: agenthost.check/1.
class Check {
public:
    explicit Check(const agh_check& raw) : raw_{raw} {}
    // `key`: "limits.memory" or "logs[0].path"; `text`: the problem and the remedy.
    void error(std::string_view key, std::string_view text) const
    {
        raw_.report(raw_.ctx, AGH_CHECK_ERROR, to_bytes(key), to_bytes(text));
    }
    void warning(std::string_view key, std::string_view text) const
    {
        raw_.report(raw_.ctx, AGH_CHECK_WARNING, to_bytes(key), to_bytes(text));
    }
    // Is a listener of this name configured?
    [[nodiscard]] bool has_listener(std::string_view name) const
    {
        for (std::size_t i = 0; i < raw_.listener_count; ++i)
            if (to_view(raw_.listeners[i]) == name) return true;
        return false;
    }

private:
    const agh_check& raw_;
};

// Overrides must be public. Constructor, start, configure and drain run one at a time on the host's control
// thread, under a timeout.
class Plugin {
public:
    Plugin() = default;
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;
    // Joins every thread: after it returns no code of this instance runs.
    virtual ~Plugin() = default;

    // Opens devices, starts threads. The constructor only reads ctx.config() and registers actions. Throw
    // Error to refuse.
    virtual void start() {}
    // Applies a new configuration, all or nothing; throw Error to keep the old one. If not overridden, a
    // change creates a new instance.
    virtual void configure(std::string_view config_json) { (void)config_json; }
    // No request follows; finish or abort running ones. The host is notified when every Request has been
    // answered.
    virtual void drain() {}
    // Called in place of start() by `agenthost config check`: report what would make start() fail on this
    // machine. Start no thread, write no file, open no port; the only service is state_directory(). Errors
    // thrown by the constructor are reported anyway.
    virtual void check(Check& report) { (void)report; }
    // Under 100 ms.
    virtual Health health() { return {}; }
    // A table that the plugin provides, by versioned id.
    virtual const void* extension(std::string_view id)
    {
        (void)id;
        return nullptr;
    }
};

} // namespace agenthost

#include "detail/thunks.hpp"

// At global scope, once in a library.
#define AGENTHOST_PLUGIN(Class)                                                                              \
    constinit const agh_entry_v1 agh_plugin_entry_v1 =                                                       \
        ::agenthost::detail::entry_of<Class>(AGENTHOST_MANIFEST);
