#include "file_routes.hpp"

#include "actions.hpp"
#include "rest.hpp"

#include "base/base64.hpp"
#include "base/json_writer.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

constexpr std::uint64_t max_offset = UINT64_MAX / 2, max_listed = 5'000;

std::uint64_t whole(const json::Member* m, std::uint64_t otherwise)
{
    std::uint64_t value = otherwise;
    if (m != nullptr && m->kind == json::Kind::number)
        std::from_chars(m->raw.data(), m->raw.data() + m->raw.size(), value);
    return value;
}

// The answer with `length` bytes from `offset` of a file of `size` bytes, without these bytes.
Answer part_head(std::uint64_t offset, std::uint64_t length, std::uint64_t size)
{
    Answer answer{.status = 200, .headers = {{"content-type", "application/octet-stream"}}};
    answer.headers.emplace_back("x-file-size", std::to_string(size));
    if (offset < size && length < size - offset)
        answer.headers.emplace_back("x-next-offset", std::to_string(offset + length));
    return answer;
}

// The bytes of a file from the agent's answer {path, size, encoding, content, offset?}.
Answer content_answer(const TaskRecord& task)
{
    std::string why;
    const auto members = json::split(task.data, why);
    const json::Member* content = members ? wire::find(*members, "content") : nullptr;
    if (content == nullptr || content->kind != json::Kind::string)
        return json_answer(502, server_error("INTERNAL", "The agent's answer has no content"));
    std::string bytes{content->text};
    const json::Member* encoding = wire::find(*members, "encoding");
    if (encoding != nullptr && encoding->text == "base64") {
        bytes.clear();
        if (!base::append_from_base64(bytes, content->text))
            return json_answer(502,
                               server_error("INTERNAL", "The content in the agent's answer is not base64"));
    }
    const std::uint64_t offset = whole(wire::find(*members, "offset"), 0);
    const std::uint64_t size = whole(wire::find(*members, "size"), bytes.size());
    Answer answer = part_head(offset, bytes.size(), size);
    answer.body = std::move(bytes);
    return answer;
}

// The head of the answer to a GET of `length` bytes, from an answer with another part of the file.
Answer content_head(const TaskRecord& task, std::uint64_t length)
{
    std::string why;
    const auto members = json::split(task.data, why);
    const json::Member* told = members ? wire::find(*members, "size") : nullptr;
    if (told == nullptr || told->kind != json::Kind::number)
        return json_answer(502, server_error("INTERNAL", "The agent's answer has no size"));
    const std::uint64_t size = whole(told, 0);
    const std::uint64_t offset = std::min(whole(wire::find(*members, "offset"), 0), size);
    const std::uint64_t shown = std::min(length, size - offset);
    Answer answer = part_head(offset, shown, size);
    answer.absent_length = shown;
    return answer;
}

// Returns the error; empty: none.
std::string check_change(std::span<const json::Member> members, const std::vector<std::string_view>& needed,
                         const std::vector<std::string_view>& optional)
{
    const auto among = [](const auto& names, std::string_view name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    for (const std::string_view name : needed) {
        const json::Member* m = wire::find(members, name);
        if (m == nullptr) return "\"" + std::string{name} + "\" is missing";
        const bool list = name == "files";
        if (list ? m->kind != json::Kind::array : m->kind != json::Kind::string && name != "mode")
            return "\"" + std::string{name} + "\" is not " + (list ? "a list of paths" : "a path");
        if (m->text.size() > ServerFilesRest::max_path || m->text.find('\0') != std::string_view::npos)
            return "\"" + std::string{name} + "\" is longer than 4096 bytes, or contains NUL";
    }
    for (const json::Member& m : members) {
        if (!among(needed, m.key) && !among(optional, m.key))
            return "unknown key \"" + std::string{m.key.substr(0, 64)} + "\"";
    }
    return {};
}

} // namespace

std::vector<Route> ServerFilesRest::routes()
{
    constexpr std::string_view files = "/api/agents/:agent/servers/:server/files";
    constexpr std::string_view content = "/api/agents/:agent/servers/:server/files/content";
    const auto changes = [this](Change change) {
        return [this, change = std::move(change)](const HttpRequest& r)
                   UNDER_LOCK { this->change(r, change); };
    };
    namespace act = server_action;
    return {
        {"GET", files, Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { list(r); }},
        {"DELETE", files, Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { remove(r); }},
        {"GET", content, Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { get(r); }},
        {"PUT", content, Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { put(r); }},
        {"POST", "/api/agents/:agent/servers/:server/files/rename", Needs::dashboard,
         changes({act::rename_file, R"({"from":"a.txt","to":"b.txt"})", {"from", "to"}, {"replace"}})},
        {"POST", "/api/agents/:agent/servers/:server/files/copy", Needs::dashboard,
         changes({act::copy_file, R"({"from":"a.txt","to":"b.txt"})", {"from", "to"}, {"replace"}})},
        {"POST", "/api/agents/:agent/servers/:server/files/mkdir", Needs::dashboard,
         changes({act::make_directory, R"({"path":"plugins"})", {"path"}, {"parents"}})},
        {"POST", "/api/agents/:agent/servers/:server/files/chmod", Needs::dashboard,
         changes({act::chmod_file, R"({"path":"start.sh","mode":"0755"})", {"path", "mode"}, {}})},
        {"POST", "/api/agents/:agent/servers/:server/files/archive", Needs::dashboard,
         changes({act::archive_files,
                  R"({"files":["world"],"target":"world.tar.gz"})",
                  {"files", "target"},
                  {"path", "exclude", "replace"}})},
        {"POST", "/api/agents/:agent/servers/:server/files/extract", Needs::dashboard,
         changes({act::extract_archive,
                  R"({"path":"world.tar.gz","target":"/"})",
                  {"path"},
                  {"target", "replace"}})},
    };
}

void ServerFilesRest::list(const HttpRequest& request)
{
    QueryParams query{request.head};
    query.text("path", max_path).text("after", max_path).whole("offset", 0, max_offset);
    query.whole("limit", 1, max_listed);
    if (!query.problem().empty()) return ServerCalls::refuse(request.exchange, query.problem());
    calls_.run(request, {.agent = request.arguments[0],
                         .server = request.arguments[1],
                         .action = server_action::list_files,
                         .params = query.json()});
}

void ServerFilesRest::get(const HttpRequest& request)
{
    QueryParams query{request.head};
    query.text("path", max_path, true).whole("offset", 0, max_offset).whole("length", 1, max_content);
    if (!query.problem().empty()) return ServerCalls::refuse(request.exchange, query.problem());
    std::string params = query.json();
    ServerCalls::Show show = content_answer;
    if (request.head.method ==
        "HEAD") { // its answer needs the size alone, which is in the answer about any part
        QueryParams one{request.head};
        params = one.text("path", max_path, true).whole("offset", 0, max_offset).json();
        params.replace(params.size() - 1, 1, ",\"length\":1}");
        std::uint64_t length = max_content;
        if (const auto text = query_value(request.head.query, "length"))
            std::from_chars(text->data(), text->data() + text->size(), length);
        show = [length](const TaskRecord& task) { return content_head(task, length); };
    }
    calls_.run(request,
               {.agent = request.arguments[0],
                .server = request.arguments[1],
                .action = server_action::get_file,
                .params = std::move(params)},
               show);
}

void ServerFilesRest::remove(const HttpRequest& request)
{
    QueryParams query{request.head};
    query.text("path", max_path, true);
    if (!query.problem().empty()) return ServerCalls::refuse(request.exchange, query.problem());
    calls_.run(request, {.agent = request.arguments[0],
                         .server = request.arguments[1],
                         .action = server_action::delete_file,
                         .params = query.json()});
}

void ServerFilesRest::put(const HttpRequest& request)
{
    const Exchange exchange = request.exchange;
    QueryParams query{request.head};
    query.text("path", max_path, true).text("mode", 8).flag("replace").flag("parents");
    if (!query.problem().empty()) return ServerCalls::refuse(exchange, query.problem());
    const auto waits = calls_.waits_of(exchange, request.head);
    if (!waits) return;
    if (!request.head.length && !request.head.chunked)
        return exchange.refuse(411, "INVALID_REQUEST", "PUT needs a Content-Length, or chunked encoding");
    if (request.head.length.value_or(0) > max_content)
        return exchange.refuse(413, "TOO_LARGE",
                               "A file is at most 512 KiB here; pack larger ones into archives, "
                               "or fetch them in the server's installation");
    const std::string &agent = request.arguments[0], &server = request.arguments[1];
    calls_.with_online(exchange, agent, server, [&]() UNDER_LOCK {
        std::string params = query.json();
        const auto write = [this, exchange, agent, server, waits = *waits, params](const std::string& body)
                               UNDER_LOCK {
                                   std::string all = params;
                                   all.pop_back(); // its "}"
                                   all += ",\"encoding\":\"base64\",\"content\":\"";
                                   base::append_base64(all, body);
                                   all += "\"}";
                                   calls_.start(exchange,
                                                {.agent = agent,
                                                 .server = server,
                                                 .action = server_action::write_file,
                                                 .params = std::move(all)},
                                                waits);
                               };
        if (!request.head.has_body()) return write("");
        exchange.receive(max_content, write);
    });
}

void ServerFilesRest::change(const HttpRequest& request, const Change& change)
{
    calls_.run_with_body(
        request, std::string{change.example},
        [change, arguments = request.arguments](const Exchange& exchange, const std::string& body)
            UNDER_LOCK -> std::optional<ServerCall> {
                std::string why;
                const auto members = json::split(body, why);
                std::string wrong = members ? check_change(*members, change.needed, change.optional)
                                            : "the body is not a JSON object: " + why;
                if (!wrong.empty()) {
                    ServerCalls::refuse(exchange, wrong + "; send " + std::string{change.example});
                    return std::nullopt;
                }
                return ServerCall{
                    .agent = arguments[0], .server = arguments[1], .action = change.action, .params = body};
            });
}

} // namespace agenthost::hub
