// JSON text: JsonWriter against the lines it replaced (put together by hand with +=) and nlohmann, and a
// parse of two frames.
#include "wire/json/json.hpp"
#include "base/json_string.hpp"
#include "base/json_writer.hpp"
#include "bench.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>

using namespace agenthost;
using namespace agenthost::bench;

namespace json = agenthost::wire::json;

namespace {

// A row of a list of tasks, as the hub answers with it.
struct Row {
    std::string id, agent, action, status, message;
    std::int64_t created = 0, bytes = 0;
    bool effects = false;
};

std::vector<Row> rows()
{
    std::vector<Row> all;
    for (int i = 0; i < 100; ++i)
        all.push_back({"task-0123456789-" + std::to_string(i), "agent-" + std::to_string(i), "storage.list",
                       "success",
                       i % 10 == 0 ? "one \"quoted\" line\n" : "a message for people, of usual length",
                       1'764'000'000'000 + i, i * 12345, i % 2 == 0});
    return all;
}

void by_hand(std::string& out, const std::vector<Row>& rows)
{
    out += "[";
    bool first = true;
    for (const Row& row : rows) {
        if (!first) out += ',';
        first = false;
        out += R"({"id":)";
        base::append_json_string(out, row.id);
        out += R"(,"agent":)";
        base::append_json_string(out, row.agent);
        out += R"(,"action":)";
        base::append_json_string(out, row.action);
        out += R"(,"status":)";
        base::append_json_string(out, row.status);
        out += R"(,"message":)";
        base::append_json_string(out, row.message);
        out += R"(,"created":)" + std::to_string(row.created) + R"(,"bytes":)" + std::to_string(row.bytes);
        out += R"(,"effects":)";
        out += row.effects ? "true}" : "false}";
    }
    out += "]";
}

void by_writer(std::string& out, const std::vector<Row>& rows)
{
    base::JsonWriter json{out};
    json.array();
    for (const Row& row : rows) {
        json.object()
            .member("id", row.id)
            .member("agent", row.agent)
            .member("action", row.action)
            .member("status", row.status)
            .member("message", row.message)
            .member("created", row.created)
            .member("bytes", row.bytes)
            .member("effects", row.effects)
            .end();
    }
    json.end();
}

void by_nlohmann(std::string& out, const std::vector<Row>& rows)
{
    nlohmann::json all = nlohmann::json::array();
    for (const Row& row : rows)
        all.push_back({{"id", row.id},
                       {"agent", row.agent},
                       {"action", row.action},
                       {"status", row.status},
                       {"message", row.message},
                       {"created", row.created},
                       {"bytes", row.bytes},
                       {"effects", row.effects}});
    out += all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

template <class Work> double ns_each(int repeats, double divisor, Work work)
{
    work();
    const double start = now_s();
    for (int i = 0; i < repeats; ++i) work();
    return (now_s() - start) * 1e9 / repeats / divisor;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return std::fprintf(stderr, "usage: bench_json BUILD\n"), 2;
    Report report{"json"};
    const auto data = rows();
    std::string hand, writer, nlohmann_text, why;
    by_hand(hand, data);
    by_writer(writer, data);
    if (hand != writer) return std::fprintf(stderr, "the writer and the hand-written lines differ\n"), 1;

    const std::string command =
        R"({"type":"command","id":"c-0123456789","action":"storage.list","payload":{"path":"/a","limit":100},"timeout":30})";
    const std::string nested = R"({"path":"/a","limit":100})";
    for (int round = 0; round < rounds(); ++round) {
        const auto rows_of = [&](std::string& out, auto write) {
            return ns_each(2000, static_cast<double>(data.size()), [&] { out.clear(), write(out, data); });
        };
        report.add("by hand", "ns a row", rows_of(hand, by_hand));
        report.add("JsonWriter", "ns a row", rows_of(writer, by_writer));
        report.add("nlohmann", "ns a row", rows_of(nlohmann_text, by_nlohmann));
        report.add("split a frame", "ns", ns_each(500'000, 1, [&] {
                       if (!json::split(command, why)) std::abort();
                   }));
        report.add("split a frame and its payload", "ns", ns_each(500'000, 1, [&] {
                       const auto outer = json::split(command, why);
                       const auto inner = json::split(nested, why);
                       if (!outer || !inner) std::abort();
                   }));
    }
    report.ratio("JsonWriter against hand-written lines, ns a row", "JsonWriter", "by hand", "ns a row", 1.1,
                 1.0, false);
    report.ratio("JsonWriter against nlohmann, ns a row", "JsonWriter", "nlohmann", "ns a row", 0.5, 0.2,
                 false);
    return report.print(std::string{argv[1]} + "/bench/results");
}
