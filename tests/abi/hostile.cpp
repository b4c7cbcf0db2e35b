// A plugin against the raw ABI that breaks every promise it can, as its configuration ("mode") and the
// action's name say.
//
// It speaks to the test only through the ABI and through files in "dir", so that the same library is tested
// in the host's process and in a runner. What blocks waits for the file "release" and gives up after two
// minutes.
//
// The life cycle is here, the actions are in hostile_actions.cpp.
#include "hostile.hpp"

#include <agenthost/ext/health.h>
#include <agenthost/ext/loop.h>

#include <cstdio>
#include <memory>

extern "C" const unsigned char agenthost_manifest_data[];

namespace {

using namespace hostile;

// Of a flat object of strings; enough for tests.
std::string field(std::string_view json, std::string_view name)
{
    const std::string key = '"' + std::string{name} + "\":\"";
    const auto at = json.find(key);
    if (at == std::string_view::npos) return {};
    const auto begin = at + key.size();
    return std::string{json.substr(begin, json.find('"', begin) - begin)};
}

agh_status start(agh_plugin* p, agh_error* error)
{
    Hostile& h = self(p);
    h.act("start");
    if (h.mode == "slow_start_never_drained") h.block("start");
    if (h.mode == "post_in_start") h.service<agh_svc_loop>(AGH_SVC_LOOP)->post(h.host, cookie_start);
    h.touch("started");
    return h.fail("start", error);
}

agh_status configure(agh_plugin* p, agh_bytes config, agh_error* error)
{
    Hostile& h = self(p);
    h.act("configure");
    const agh_status status = h.fail("configure", error);
    if (status == AGH_OK) h.mode = field(view(config), "mode");
    return status;
}

void cancel(agh_plugin* p, agh_req id)
{
    Hostile& h = self(p);
    h.touch("cancelled." + std::to_string(id));
    if (h.mode == "throw_cancel") throw std::runtime_error{"thrown in cancel"};
    if (h.mode == "obey_cancel")
        h.reply(id, "{\"code\":\"CANCELLED\",\"message\":\"cancelled\"}", AGH_E_CANCELLED);
}

void writable(agh_plugin* p, agh_req id)
{
    Hostile& h = self(p);
    h.touch("writable." + std::to_string(id));
    if (h.mode == "throw_writable") throw std::runtime_error{"thrown in writable"};
}

void on_task(agh_plugin* p, agh_task task, std::uint64_t cookie, std::uint32_t)
{
    Hostile& h = self(p);
    h.touch("task." + std::to_string(cookie));
    if (cookie == cookie_flood) h.flooding.wait(true);
    if (cookie == cookie_period) {
        if (++h.periods < 3) return;
        h.service<agh_svc_loop>(AGH_SVC_LOOP)->cancel(h.host, task);
    }
    if (cookie != cookie_flood && cookie != cookie_start)
        if (const agh_req id = h.open.exchange(0)) h.reply(id, "{\"cookie\":" + std::to_string(cookie) + "}");
    if (h.mode == "throw_on_task") throw std::runtime_error{"thrown in on_task"};
}

agh_status health(agh_plugin* p, agh_error* error)
{
    Hostile& h = self(p);
    h.act("health");
    if (h.mode == "busy_health") {
        error->status = AGH_E_BUSY;
        std::snprintf(error->text, sizeof error->text, "one printer of two is off");
        return AGH_E_BUSY;
    }
    return h.fail("health", error);
}

const agh_ext_health health_table{sizeof(agh_ext_health), 0, health};

const void* extension(agh_plugin* p, const char* id)
{
    self(p).act("extension");
    return std::string_view{id} == AGH_EXT_HEALTH ? &health_table : nullptr;
}

void drain(agh_plugin* p)
{
    Hostile& h = self(p);
    h.touch("drained");
    h.act("drain");
    if (!h.mode.ends_with("never_drained")) h.api->drained(h.host);
}

void destroy(agh_plugin* p)
{
    Hostile& h = self(p);
    h.act("destroy");
    for (auto& thread : h.threads) thread.join();
    h.touch("destroyed");
    delete &h;
}

const agh_plugin_api whole{sizeof(agh_plugin_api),
                           0,
                           start,
                           configure,
                           invoke,
                           cancel,
                           writable,
                           on_task,
                           extension,
                           drain,
                           destroy};
const agh_plugin_api least{
    sizeof(agh_plugin_api), 0, start, nullptr, invoke, nullptr, nullptr, nullptr, nullptr, nullptr, destroy};
const agh_plugin_api no_invoke{
    sizeof(agh_plugin_api), 0, start, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, destroy};

agh_status create(const agh_host_api* api, agh_host* host, agh_bytes config, const agh_plugin_api** out,
                  agh_plugin** plugin, agh_error* error)
{
    auto h = std::make_unique<Hostile>();
    h->api = api;
    h->host = host;
    h->mode = field(view(config), "mode");
    h->dir = field(view(config), "dir");
    h->act("create");
    if (const agh_status status = h->fail("create", error); status != AGH_OK) return status;
    *out = h->mode == "least"       ? &least
           : h->mode == "no_invoke" ? &no_invoke
           : h->mode == "no_api"    ? nullptr
                                    : &whole;
    // What is never destroyed stays reachable: a leak of the test's, not of the host's.
    static std::mutex mutex;
    static auto& all = *new std::vector<Hostile*>;
    const std::lock_guard lock{mutex};
    all.push_back(h.get());
    *plugin = reinterpret_cast<agh_plugin*>(h.release());
    return AGH_OK;
}

} // namespace

const agh_entry_v1 agh_plugin_entry_v1 = {sizeof(agh_entry_v1),
                                          AGH_ABI_MAJOR,
                                          AGH_ABI_MINOR,
                                          0,
                                          {agenthost_manifest_data, AGENTHOST_MANIFEST_SIZE},
                                          create};
