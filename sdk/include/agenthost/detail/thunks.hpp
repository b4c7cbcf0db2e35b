// The C entry points of a plugin class. Each is noexcept and catches every exception. Not for authors.
#pragma once

#include "../context.hpp"
#include "../ext/check.h"
#include "../ext/health.h"
#include "../plugin.hpp"

#include <memory>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <type_traits>
#include <utility>
#include <vector>

namespace agenthost::detail {

struct Instance {
    Instance(const agh_host_api* api, agh_host* host, std::string_view config) : context{api, host, config} {}
    Context context;
    std::unique_ptr<Plugin> plugin;
};

// The target of an agh_plugin*. cancel() and writable() may be called until destroy() has returned, so a slot
// outlives its instance: the next create() reuses it, and it is never freed. There are as many as there were
// instances at the same time.
struct Slot {
    std::shared_mutex gate; // shared: inside cancel or writable; exclusive: destroying the instance
    std::unique_ptr<Instance> instance;
    std::shared_ptr<std::vector<std::shared_ptr<void>>> kept; // Context::keep: until the next create()

    static Slot* take()
    {
        {
            const std::scoped_lock lock{mutex()};
            if (!free().empty()) {
                Slot* const slot = free().back();
                free().pop_back();
                slot->kept.reset();
                return slot;
            }
        }
        return new Slot;
    }
    static void give_back(Slot* slot) noexcept
    {
        const std::scoped_lock lock{mutex()};
        free().push_back(slot);
    }

private:
    // Never destroyed: the library stays mapped, and the process may end while a thread is in here.
    static std::mutex& mutex()
    {
        static auto* const it = new std::mutex;
        return *it;
    }
    static std::vector<Slot*>& free()
    {
        static auto* const it = new std::vector<Slot*>;
        return *it;
    }
};

inline Slot& slot_of(agh_plugin* plugin) noexcept { return *reinterpret_cast<Slot*>(plugin); }
inline Instance& instance_of(agh_plugin* plugin) noexcept { return *slot_of(plugin).instance; }

template <class T> struct Thunks {
    static agh_status create(const agh_host_api* api, agh_host* host, agh_bytes config,
                             const agh_plugin_api** table, agh_plugin** plugin, agh_error* error) noexcept
    {
        try {
            auto instance = std::make_unique<Instance>(api, host, to_view(config));
            instance->plugin = std::make_unique<T>(instance->context);
            Slot* const slot = Slot::take();
            {
                const std::scoped_lock lock{slot->gate};
                slot->kept = instance->context.kept();
                slot->instance = std::move(instance);
            }
            *table = &api_table;
            *plugin = reinterpret_cast<agh_plugin*>(slot);
            return AGH_OK;
        } catch (...) {
            return fill_from_exception(error);
        }
    }

    static agh_status start(agh_plugin* self, agh_error* error) noexcept
    {
        try {
            instance_of(self).plugin->start();
            return AGH_OK;
        } catch (...) {
            return fill_from_exception(error);
        }
    }

    static agh_status configure(agh_plugin* self, agh_bytes config, agh_error* error) noexcept
    {
        try {
            instance_of(self).plugin->configure(to_view(config));
            return AGH_OK;
        } catch (...) {
            return fill_from_exception(error);
        }
    }

    static agh_status invoke(agh_plugin* self, const agh_request* request, agh_error* error) noexcept
    {
        Context& context = instance_of(self).context;
        Context::Handler* const handler = context.handler(to_view(request->action));
        if (handler == nullptr) return no_handler(to_view(request->action), error);
        Invocation here{.id = request->id, .exceptions = std::uncaught_exceptions()};
        Invocation* const outer = std::exchange(invocation, &here);
        try {
            handler->run(context.link(), *request);
        } catch (...) {
            if (here.dropped)
                fail(context.link(), request->id);
            else
                context.link().log_exception(where(to_view(request->action)));
        }
        invocation = outer;
        return AGH_PENDING;
    }

    static void cancel(agh_plugin* self, agh_req id) noexcept
    {
        hook(self, id, &Hooks::run_cancel, "on_cancel");
    }
    static void writable(agh_plugin* self, agh_req id) noexcept
    {
        hook(self, id, &Hooks::run_writable, "on_writable");
    }

    static void on_task(agh_plugin* self, agh_task, std::uint64_t cookie, std::uint32_t events) noexcept
    {
        Context& context = instance_of(self).context;
        try {
            context.tasks().fire(cookie, events);
        } catch (...) {
            context.link().log_exception("a task");
        }
    }

    static const void* extension(agh_plugin* self, const char* id) noexcept
    {
        Slot& slot = slot_of(self);
        const std::shared_lock lock{slot.gate};
        if (!slot.instance || !slot.instance->plugin) return nullptr;
        try {
            if constexpr (overrides_check()) {
                if (std::string_view{id} == AGH_EXT_CHECK) return &check_table;
            }
            if constexpr (overrides_health()) {
                if (std::string_view{id} == AGH_EXT_HEALTH) return &health_table;
            }
            return slot.instance->plugin->extension(id);
        } catch (...) {
            slot.instance->context.link().log_exception("extension()");
            return nullptr;
        }
    }

    static agh_status check_config(agh_plugin* self, const agh_check* raw, agh_error* error) noexcept
    {
        try {
            Check report{*raw};
            instance_of(self).plugin->check(report);
            return AGH_OK;
        } catch (...) {
            return fill_from_exception(error);
        }
    }

    static agh_status check(agh_plugin* self, agh_error* error) noexcept
    {
        try {
            const Health health = instance_of(self).plugin->health();
            if (health.status == AGH_OK) return AGH_OK;
            return fill(error, health.status, status_name(health.status), health.text);
        } catch (...) {
            return fill_from_exception(error);
        }
    }

    static void drain(agh_plugin* self) noexcept
    {
        Instance& instance = instance_of(self);
        try {
            instance.plugin->drain();
        } catch (...) {
            instance.context.link().log_exception("drain()");
        }
        instance.context.link().drain();
    }

    static void destroy(agh_plugin* self) noexcept
    {
        Slot& slot = slot_of(self);
        slot.instance->plugin.reset(); // joins; hooks and tasks still work meanwhile
        std::unique_ptr<Instance> gone;
        {
            const std::scoped_lock lock{slot.gate};
            gone = std::move(slot.instance);
        }
        gone.reset();
        Slot::give_back(&slot);
    }

private:
    static agh_status no_handler(std::string_view action, agh_error* error) noexcept
    {
        try {
            return fill(
                error, AGH_E_NOT_FOUND, "UNKNOWN_ACTION",
                "the plugin has no handler for " + std::string{action} +
                    ", though its manifest names it. Register it with Context::on in the constructor.");
        } catch (...) {
            return AGH_E_NOMEM;
        }
    }
    static std::string where(std::string_view action) noexcept
    {
        try {
            return "the handler of " + std::string{action};
        } catch (...) {
            return {};
        }
    }

    // Answers with the exception in flight.
    static void fail(Link& link, agh_req id) noexcept
    {
        agh_error error{.size = sizeof(agh_error), .status = 0, .code = {}, .text = {}};
        const agh_status status = fill_from_exception(&error);
        try {
            const std::string json = error_json(error.code, error.text);
            const agh_reply reply = make_reply(status, 0, json);
            link.api->complete(link.host, id, &reply);
        } catch (...) {
            const agh_reply reply = make_reply(status, 0, R"({"code":"INTERNAL","message":"out of memory"})");
            link.api->complete(link.host, id, &reply);
        }
        link.closed();
    }

    static void hook(agh_plugin* self, agh_req id, void (Hooks::*run)(), std::string_view name) noexcept
    {
        Slot& slot = slot_of(self);
        const std::shared_lock lock{slot.gate};
        if (!slot.instance) return;
        Link& link = slot.instance->context.link();
        try {
            if (const auto hooks = link.hooks(id)) ((*hooks).*run)();
        } catch (...) {
            link.log_exception(name);
        }
    }

    // Whether T declares its own configure(). A non-public one cannot be inspected and counts as declared.
    static constexpr bool overrides_configure()
    {
        if constexpr (requires { &T::configure; }) {
            return !std::is_same_v<decltype(&T::configure), void (Plugin::*)(std::string_view)>;
        } else
            return true;
    }
    static constexpr bool overrides_health()
    {
        if constexpr (requires { &T::health; }) {
            return !std::is_same_v<decltype(&T::health), Health (Plugin::*)()>;
        } else
            return true;
    }

    static constexpr bool overrides_check()
    {
        if constexpr (requires { &T::check; }) {
            return !std::is_same_v<decltype(&T::check), void (Plugin::*)(Check&)>;
        } else
            return true;
    }

    static constexpr agh_ext_check check_table{
        .size = sizeof(agh_ext_check), .reserved = 0, .check = check_config};
    static constexpr agh_ext_health health_table{
        .size = sizeof(agh_ext_health), .reserved = 0, .check = check};
    static constexpr agh_plugin_api api_table{.size = sizeof(agh_plugin_api),
                                              .reserved = 0,
                                              .start = start,
                                              .configure = overrides_configure() ? configure : nullptr,
                                              .invoke = invoke,
                                              .cancel = cancel,
                                              .writable = writable,
                                              .on_task = on_task,
                                              .extension = extension,
                                              .drain = drain,
                                              .destroy = destroy};
};

#ifndef AGENTHOST_ABI_MINOR_NEEDED // define it when the plugin cannot do without a later addition
#define AGENTHOST_ABI_MINOR_NEEDED 0u
#endif

template <class T> consteval agh_entry_v1 entry_of(agh_bytes manifest)
{
    static_assert(std::is_base_of_v<Plugin, T>, "a plugin derives from agenthost::Plugin");
    static_assert(std::is_constructible_v<T, Context&>,
                  "a plugin is constructed from an agenthost::Context&");
    return {.size = sizeof(agh_entry_v1),
            .abi_major = AGH_ABI_MAJOR,
            .abi_minor = AGH_ABI_MINOR,
            .abi_minor_needed = AGENTHOST_ABI_MINOR_NEEDED,
            .manifest = manifest,
            .create = Thunks<T>::create};
}

} // namespace agenthost::detail
