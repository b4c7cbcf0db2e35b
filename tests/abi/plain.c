/* A well-behaved plugin in C11: the ABI needs no C++. Runs inline. */
#define _POSIX_C_SOURCE 200809L
#include <agenthost/abi.h>
#include <agenthost/ext/facts.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

extern const unsigned char agenthost_manifest_data[];

struct agh_plugin {
    const agh_host_api* api;
    agh_host* host;
};

static int is(agh_bytes text, const char* word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static agh_status start(agh_plugin* p, agh_error* error)
{
    (void)error;
    const agh_svc_facts* facts = p->api->service(p->host, AGH_SVC_FACTS);
    if (!facts || !AGH_HAS(facts, publish)) return AGH_E_UNSUPPORTED;
    agh_bytes key = {"plain", 5}, json = {"{\"language\":\"C11\"}", 18};
    return facts->publish(p->host, key, json);
}

static agh_status invoke(agh_plugin* p, const agh_request* request, agh_error* error)
{
    agh_reply reply = {0};
    reply.size = sizeof reply;
    if (is(request->action, "plain.sleep")) {
        struct timespec t = {0, 40 * 1000 * 1000};
        nanosleep(&t, NULL);
    } else if (!is(request->action, "plain.echo")) {
        error->status = AGH_E_UNSUPPORTED;
        strcpy(error->code, "UNKNOWN_ACTION");
        strcpy(error->text, "plain knows plain.echo and plain.sleep");
        return AGH_E_UNSUPPORTED;
    }
    reply.json = request->params;
    p->api->complete(p->host, request->id, &reply);
    return AGH_PENDING;
}

static void destroy(agh_plugin* p) { free(p); }

static const agh_plugin_api plugin_api = {
    .size = sizeof(agh_plugin_api), .start = start, .invoke = invoke, .destroy = destroy};

static agh_status create(const agh_host_api* api, agh_host* host, agh_bytes config,
                         const agh_plugin_api** out, agh_plugin** plugin, agh_error* error)
{
    (void)config;
    agh_plugin* p = malloc(sizeof *p);
    if (!p) {
        error->status = AGH_E_NOMEM;
        return AGH_E_NOMEM;
    }
    p->api = api;
    p->host = host;
    *out = &plugin_api;
    *plugin = p;
    return AGH_OK;
}

const agh_entry_v1 agh_plugin_entry_v1 = {sizeof(agh_entry_v1),
                                          AGH_ABI_MAJOR,
                                          AGH_ABI_MINOR,
                                          0,
                                          {agenthost_manifest_data, AGENTHOST_MANIFEST_SIZE},
                                          create};
