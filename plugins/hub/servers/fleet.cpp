#include "fleet.hpp"

#include "metrics.hpp"

#include "base/json_writer.hpp"

#include <utility>

namespace agenthost::hub {

namespace {

std::function<bool(std::string_view)> sight_of(const Caller& caller)
{
    return [caller](std::string_view agent) { return caller.sees(agent); };
}

} // namespace

std::string servers_json(const ServerBook::Page& page, const ServerBook::View& view)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().array("servers");
    for (const ServerRecord* server : page.servers)
        write_server(json, *server, view.online(server->agent), view.now);
    json.end().member("total", page.total);
    if (page.next.empty())
        json.member("next", nullptr);
    else
        json.member("next", page.next);
    json.end();
    return out;
}

std::vector<Route> FleetRest::routes()
{
    return {
        {"GET", "/api/servers", Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { list(r); }},
        {"POST", "/api/servers", Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { create(r); }},
        {"GET", "/api/servers/metrics", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { metrics(r); }},
    };
}

void FleetRest::list(const HttpRequest& request)
{
    const Head& head = request.head;
    const auto limit = parse_limit(head.query, page, max_page);
    if (!limit) return ServerCalls::refuse(request.exchange, "\"limit\" is a number from 1 to 500");
    const auto value = [&](std::string_view key) { return query_value(head.query, key).value_or(""); };
    ServerFilter filter{.agent = value("agent"),
                        .status = value("status"),
                        .name = value("name"),
                        .image = value("image"),
                        .healthy = {}};
    if (const std::string healthy = value("healthy"); !healthy.empty()) {
        if (healthy != "true" && healthy != "false")
            return ServerCalls::refuse(request.exchange, "\"healthy\" is neither true nor false");
        filter.healthy = healthy == "true";
    }
    const ServerBook::View view = watch_.view(sight_of(request.caller));
    const ServerBook::Page found = watch_.book().page(filter, view, value("after"), *limit);
    request.exchange.answer(json_answer(200, servers_json(found, view)));
}

void FleetRest::metrics(const HttpRequest& request)
{
    Answer answer{.status = 200, .headers = {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}}};
    answer.body = server_metrics(watch_.book(), watch_.view(sight_of(request.caller)));
    request.exchange.answer(std::move(answer));
}

void FleetRest::create(const HttpRequest& request)
{
    const Exchange exchange = request.exchange;
    const auto waits = calls_.waits_of(exchange, request.head);
    if (!waits) return;
    const std::string dry = query_value(request.head.query, "dry_run").value_or("false");
    if (dry != "true" && dry != "false")
        return ServerCalls::refuse(exchange, "\"dry_run\" is neither true nor false");
    if (request.head.length.value_or(0) > Calls::max_body)
        return exchange.refuse(413, "TOO_LARGE", "A server's configuration is at most 512 KiB");
    if (!request.head.has_body())
        return ServerCalls::refuse(exchange,
                                   "The body is missing; send "
                                   R"({"eggConfig":{"image":"IMAGE","limits":{"memory":"2048m"}}})");
    exchange.receive(Calls::max_body, [this, exchange, caller = request.caller, waits = *waits,
                                       dry_run = dry == "true"](const std::string& body)
                                          UNDER_LOCK { place(exchange, caller, waits, dry_run, body); });
}

void FleetRest::place(const Exchange& exchange, const Caller& caller, const ServerCalls::Waits& waits,
                      bool dry_run, const std::string& body)
{
    std::string code, why;
    auto read = read_create(body, true, code, why);
    if (!read) return exchange.answer(json_answer(status_of(code), server_error(code, why)));
    ServerOutcomes::Place wait;
    if (waits.outcome_s > 0 && !dry_run && !(wait = calls_.reserve(exchange))) return;
    auto job = std::make_shared<Placer::Job>();
    job->body = std::move(*read);
    job->sees = sight_of(caller);
    job->dry_run = dry_run;
    job->start = [this, exchange, waits](ServerCall call, std::function<bool(const TaskRecord&)> ended)
                     UNDER_LOCK { calls_.start(exchange, std::move(call), waits, std::move(ended)); };
    job->answer = [this, exchange, wait,
                   wait_s = waits.outcome_s](const Placer::Outcome& outcome) UNDER_LOCK {
        if (outcome.task && wait)
            return calls_.answer_outcome(exchange, *outcome.task, wait, wait_s,
                                         outcome.json.substr(1, outcome.json.size() - 2));
        exchange.answer(json_answer(outcome.code.empty() ? 200 : status_of(outcome.code), outcome.json));
    };
    placer_.run(job);
}

} // namespace agenthost::hub
