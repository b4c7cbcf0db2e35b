// agenthost hub server ...
#include "console_text.hpp"
#include "daemon.hpp"
#include "local_file.hpp"
#include "server_words.hpp"
#include "verbs.hpp"

#include "base/base64.hpp"
#include "base/visible.hpp"
#include "base/write_all.hpp"
#include "netclient/call_reader.hpp"
#include "netclient/control_client.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

namespace agenthost::hub::cli {

using nlohmann::json;

namespace {

constexpr std::size_t max_content = 512 << 10; // of a file in one request
// A create waits for an agent that checks the image's registry, for example.
constexpr int max_wait_ms = 120'000;
// For the result of a start, for example, which may include a pull and what the game does until it is ready.
constexpr auto default_wait = std::chrono::minutes{5};
constexpr int not_yet = 3; // exit code: the time to wait was over
// At the end of its input, console leaves after this long without output, once it has shown what was there.
constexpr auto quiet_at_end = std::chrono::milliseconds{700};
constexpr auto max_wait_at_end = std::chrono::seconds{5};
constexpr auto max_lag_at_end = std::chrono::seconds{60}; // of output that the agent has and we do not

using Clock = std::chrono::steady_clock;
std::atomic<Clock::time_point> last_output{}; // of the console
std::atomic<std::uint64_t> shown_to{0};       // the position of the next line; 0: the agent numbers none

std::string text(const json& object, const char* key)
{
    const auto at = object.is_object() ? object.find(key) : object.end();
    if (at == object.end()) return {};
    return at->is_string() ? at->get<std::string>()
                           : at->dump(-1, ' ', false, json::error_handler_t::replace);
}

void need_words(const Arguments& args, std::size_t least, std::size_t most, const char* form)
{
    if (args.words.size() < least || args.words.size() > most)
        throw Usage{std::string{args.words.size() < least ? "a word is missing: " : "too many words: "} +
                    "agenthost hub server " + form};
}

json get(const Arguments& args, json named, const char* what, const json& params = json::object())
{
    named["get"] = what;
    named["params"] = params;
    return call(args.control, {"hub.server_get", std::move(named)});
}

// How long to wait for the result of a command that changes a server's state.
std::chrono::milliseconds wait_of(const Arguments& args)
{
    if (args.no_wait && args.wait) throw Usage{"either --wait or --no-wait, not both"};
    if (args.no_wait) return std::chrono::milliseconds{0};
    return args.wait.value_or(default_wait);
}

int call_timeout_ms(std::chrono::milliseconds wait) { return max_wait_ms + static_cast<int>(wait.count()); }

double seconds(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000; }

json change(const Arguments& args, json named, const char* what, const json& params = json::object())
{
    named["do"] = what;
    named["params"] = params;
    return call(args.control, {"hub.server_do", std::move(named), max_wait_ms});
}

// Prints the answer as JSON, or one sentence.
int done(const Arguments& args, const json& data, const std::string& sentence)
{
    if (args.as_json)
        std::cout << data.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
    else if (!sentence.empty())
        std::cout << base::visible(sentence) << "\n";
    return 0;
}

// Prints what a command has led to. Returns the exit code.
int outcome(const Arguments& args, const json& data, std::string sentence)
{
    const bool waited = data.contains("reached"), reached = data.value("reached", false);
    if (const json error = data.value("error", json::object()); error.contains("message"))
        sentence += ". " + text(error, "message");
    if (waited && !reached)
        sentence +=
            ", and not done yet. It goes on; see agenthost hub server status " + text(data, "serverId");
    done(args, data, sentence);
    return waited && !reached ? not_yet : 0;
}

// ---- list, status ----

std::vector<std::string> row_of(const json& server)
{
    const json usage = server.value("resources", json::object());
    const auto size = [&](const char* key) {
        const auto at = usage.find(key);
        return at != usage.end() && at->is_number() ? short_size(at->get<double>()) : std::string{"-"};
    };
    const auto cpu = usage.find("cpu");
    std::string status = text(server, "status");
    if (text(server, "agentStatus") == "offline") status += "?"; // as last reported
    const json players = server.value("players", json::object());
    return {text(server, "agent"),
            text(server, "serverId"),
            status,
            cpu != usage.end() && cpu->is_number() ? std::to_string(std::lround(cpu->get<double>())) + "%"
                                                   : "-",
            size("memory"),
            players.contains("online") ? text(players, "online") : "-",
            text(server, "image"),
            text(server, "reason")};
}

int list(const Arguments& args)
{
    need_words(args, 2, 2, "list [--agent A] [--status S] [--name PART] [--image PART]");
    json asked = json::object(), all;
    for (const auto& [key, value] : {std::pair{"agent", &args.agent}, std::pair{"status", &args.status},
                                     std::pair{"name", &args.name}, std::pair{"image", &args.image}})
        if (!value->empty()) asked[key] = *value;
    std::vector<std::vector<std::string>> rows{
        {"AGENT", "SERVER", "STATUS", "CPU", "MEMORY", "PLAYERS", "IMAGE", "PROBLEM"}};
    while (true) {
        const json page = call(args.control, {"hub.server_list", asked});
        for (const json& server : page.at("servers")) {
            rows.push_back(row_of(server));
            all.push_back(server);
        }
        if (!page.at("next").is_string()) break;
        asked["after"] = page["next"];
    }
    if (args.as_json) return done(args, {{"servers", all.is_null() ? json::array() : all}}, {});
    std::cout << table(rows);
    return 0;
}

int status(const Arguments& args)
{
    need_words(args, 3, 3, "status SERVER");
    const json data = get(args, server_named(args, args.words[2]), "status");
    if (args.as_json) return done(args, data, {});
    for (const auto& [key, value] : data.items())
        std::cout << base::visible(key + ": " + text(data, key.c_str())) << "\n";
    return 0;
}

// ---- create, power ----

int create(const Arguments& args)
{
    need_words(args, 2, 3, "create [SERVER] --image IMAGE | --file FILE [OPTIONS]");
    json named = json::object();
    if (args.words.size() == 3)
        named = server_named(args, args.words[2]);
    else if (!args.agent.empty())
        named["agent"] = args.agent;
    nlohmann::ordered_json asked = nlohmann::ordered_json::object();
    for (const auto& [key, value] : named.items()) asked[key] = value.get<std::string>();
    asked["do"] = "create";
    asked["params"] = create_params(args);
    const auto wait = wait_of(args);
    if (wait.count() > 0) asked["wait"] = seconds(wait);
    const std::string raw = request_text(asked);
    const json data = call(args.control, {"hub.server_do", json::object(), call_timeout_ms(wait), raw});
    std::string sentence =
        "server " + text(data, "serverId") + " is on agent " + text(data, "agent") + ": " + text(data, "why");
    if (data.contains("reached")) sentence += ". It is " + text(data, "status");
    return outcome(args, data, std::move(sentence));
}

int power(const Arguments& args)
{
    const std::string& verb = args.words[1];
    need_words(args, 3, 3, (verb + " SERVER").c_str());
    json params = json::object();
    const bool stops = verb == "stop" || verb == "restart";
    if ((args.timeout || !args.signal.empty()) && !stops)
        throw Usage{"--timeout and --signal belong to stop and restart"};
    if (args.timeout) params["timeout"] = static_cast<double>(args.timeout->count()) / 1000;
    if (!args.signal.empty()) params["signal"] = args.signal;
    if (verb == "reinstall" && args.start) params["start"] = true;
    json asked = server_named(args, args.words[2]);
    asked["do"] = verb;
    asked["params"] = params;
    const auto wait = wait_of(args);
    if (wait.count() > 0) asked["wait"] = seconds(wait);
    const json data = call(args.control, {"hub.server_do", std::move(asked), call_timeout_ms(wait)});
    const std::string now = text(data, "status");
    return outcome(args, data, args.words[2] + ": " + (now.empty() ? verb + " accepted" : now));
}

// ---- console ----

// Prints the console until the daemon ends the call. Returns the exit code.
int follow(const Arguments& args, json named, bool on)
{
    named["tail"] = args.tail;
    named["follow"] = on;
    // A file or a pipe gets every byte.
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    ConsoleText shown;
    const auto note = [](const std::string& said) {
        base::write_all(STDERR_FILENO, "agenthost hub: " + base::visible(said) + "\n");
    };
    netclient::CallReader reader{{
        .progress =
            [&](const json& said) {
                shown_to = said.value("next", shown_to.load());
                if (said.contains("lost")) note(text(said, "lost") + " lines are missing here");
                const json data = said.value("data", json::object());
                if (const std::string now = text(data, "currentStatus"); !now.empty())
                    note("the server is " + now);
            },
        .stream =
            [&](std::uint32_t, std::string_view bytes) {
                last_output = Clock::now();
                base::write_all(STDOUT_FILENO, terminal ? shown.feed(bytes) : std::string{bytes});
            },
        .lost = [&](std::uint32_t,
                    std::uint64_t bytes) { note(std::to_string(bytes) + " bytes are missing here"); },
    }};
    const json body{{"action", "hub.server_follow"}, {"params", std::move(named)}};
    const auto answer = netclient::ControlClient{args.control}.request(
        "POST", "/v1/call", request_text(body), std::chrono::milliseconds{0},
        [&](std::string_view bytes) { reader.feed(bytes); });
    reader.end();
    if (terminal) base::write_all(STDOUT_FILENO, shown.finish());
    if (!answer.good()) throw Failed{answer.error()};
    if (!reader.result()) throw Failed{"the daemon ended the call without a result; its log says why"};
    if (reader.result()->value("status", "") != "success") throw refusal(*reader.result());
    return 0;
}

int logs(const Arguments& args)
{
    need_words(args, 3, 3, "logs SERVER [-f] [--tail N]");
    return follow(args, server_named(args, args.words[2]), args.follow);
}

// The position after the last line that the agent has; 0: it numbers none, or does not say.
std::uint64_t end_of_console(const Arguments& args, const json& named)
{
    try {
        const json page = get(args, named, "logs", {{"tail", 1}});
        return page.value("next", std::uint64_t{0});
    } catch (const std::exception&) {
        return 0;
    }
}

// Types each line of standard input into the server's console, then ends the process.
[[noreturn]] void type_lines(const Arguments& args, const json& named)
{
    int code = 0;
    for (std::string line; std::getline(std::cin, line);) {
        if (line.ends_with('\r')) line.pop_back();
        try {
            change(args, named, "command", {{"command", line}});
        } catch (const std::exception& e) {
            base::write_all(STDERR_FILENO, "agenthost hub: " + base::visible(e.what()) + "\n");
            code = 1;
        }
    }
    // A busy machine is not a quiet console: what the agent has already is shown first.
    const std::uint64_t there = end_of_console(args, named);
    for (const auto last = Clock::now() + max_lag_at_end; shown_to < there && Clock::now() < last;)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    // Output that the last line causes may still arrive.
    const auto end = Clock::now() + max_wait_at_end;
    last_output = Clock::now();
    while (Clock::now() < end && Clock::now() - last_output.load() < quiet_at_end)
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    ::_exit(code);
}

int console(const Arguments& args)
{
    need_words(args, 3, 3, "console SERVER [--command LINE]");
    const json named = server_named(args, args.words[2]);
    if (!args.command.empty()) {
        const json data = change(args, named, "command", {{"command", args.command}});
        return done(args, data, {});
    }
    get(args, named, "status"); // refuses now what would fail at the first line
    std::thread{[args, named] { type_lines(args, named); }}.detach();
    return follow(args, named, true);
}

// ---- files ----

int list_files(const Arguments& args, const json& named)
{
    json params{{"path", args.words.size() > 4 ? args.words[4] : "/"}}, all = json::array();
    while (true) {
        const json page = get(args, named, "files", params);
        for (const json& file : page.value("files", json::array())) {
            all.push_back(file);
            if (args.as_json) continue;
            const auto size = file.find("size");
            std::cout << base::visible(text(file, "type")) << "\t"
                      << (size != file.end() && size->is_number() ? size->dump() : "-") << "\t"
                      << base::visible(text(file, "modified")) << "\t" << base::visible(text(file, "name"))
                      << "\n";
        }
        const std::string next = text(page, "next");
        if (next.empty() || next == "null") break;
        params["after"] = next;
    }
    return args.as_json ? done(args, {{"files", all}}, {}) : 0;
}

int get_file(const Arguments& args, const json& named)
{
    json params{{"path", args.words.at(4)}};
    std::ofstream to;
    for (std::uint64_t offset = 0;;) {
        const json data = get(args, named, "file", params);
        if (args.words.size() > 5 &&
            !to.is_open()) { // only now: the local file stays if the remote one is missing
            to.open(args.words[5], std::ios::binary | std::ios::trunc);
            if (!to) throw Failed{"cannot write " + args.words[5] + ". Check its folder and mode"};
        }
        std::string bytes = text(data, "content");
        if (text(data, "encoding") == "base64") {
            const auto decoded = base::from_base64(bytes);
            if (!decoded) throw Failed{"the agent's answer is not base64"};
            bytes = *decoded;
        }
        if (to.is_open())
            to.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        else
            base::write_all(STDOUT_FILENO, ::isatty(STDOUT_FILENO) == 1 ? base::visible_lines(bytes) : bytes);
        offset += bytes.size();
        if (bytes.empty() || offset >= data.value("size", std::uint64_t{0})) break;
        params["offset"] = offset;
    }
    if (to.is_open() && !to.flush()) throw Failed{"cannot write " + args.words[5] + ". Is its disk full?"};
    return 0;
}

int put_file(const Arguments& args, const json& named)
{
    const std::string& from = args.words.at(4);
    std::string content;
    base::append_base64(content, read_local(from, max_content));
    const json data = change(args, named, "write",
                             {{"path", args.words.at(5)}, {"encoding", "base64"}, {"content", content}});
    return done(args, data, {});
}

struct FileVerb {
    const char *word, *form;
    std::size_t least, most; // words after the server
};
constexpr std::array file_verbs{FileVerb{"ls", "files ls SERVER [PATH]", 0, 1},
                                FileVerb{"get", "files get SERVER PATH [LOCAL]", 1, 2},
                                FileVerb{"put", "files put SERVER LOCAL PATH", 2, 2},
                                FileVerb{"rm", "files rm SERVER PATH", 1, 1},
                                FileVerb{"mv", "files mv SERVER FROM TO", 2, 2},
                                FileVerb{"cp", "files cp SERVER FROM TO", 2, 2},
                                FileVerb{"mkdir", "files mkdir SERVER PATH", 1, 1},
                                FileVerb{"chmod", "files chmod SERVER MODE PATH", 2, 2},
                                FileVerb{"archive", "files archive SERVER TARGET PATH...", 2, 1'000},
                                FileVerb{"extract", "files extract SERVER ARCHIVE [FOLDER]", 1, 2}};

json file_params(const std::string& verb, const std::vector<std::string>& w)
{
    if (verb == "mv" || verb == "cp") return {{"from", w[4]}, {"to", w[5]}};
    if (verb == "chmod") return {{"mode", w[4]}, {"path", w[5]}};
    if (verb == "archive")
        return {{"target", w[4]}, {"files", std::vector<std::string>(w.begin() + 5, w.end())}};
    if (verb == "extract" && w.size() > 5) return {{"path", w[4]}, {"target", w[5]}};
    return {{"path", w[4]}};
}

int files(const Arguments& args)
{
    const std::string verb = args.words.size() > 2 ? args.words[2] : "";
    const auto* row =
        std::find_if(file_verbs.begin(), file_verbs.end(), [&](const FileVerb& v) { return v.word == verb; });
    if (row == file_verbs.end())
        throw Usage{"files needs ls, get, put, rm, mv, cp, mkdir, chmod, archive or extract"};
    need_words(args, 4 + row->least, 4 + row->most, row->form);
    const json named = server_named(args, args.words[3]);
    if (verb == "ls") return list_files(args, named);
    if (verb == "get") return get_file(args, named);
    if (verb == "put") return put_file(args, named);
    return done(args, change(args, named, row->word, file_params(verb, args.words)), {});
}

} // namespace

int server(const Arguments& args)
{
    const std::string verb = args.words.size() > 1 ? args.words[1] : "";
    if (verb == "list") return list(args);
    if (verb == "status") return status(args);
    if (verb == "create") return create(args);
    if (verb == "logs") return logs(args);
    if (verb == "console") return console(args);
    if (verb == "files") return files(args);
    for (const char* action : {"start", "stop", "restart", "kill", "delete", "reinstall"})
        if (verb == action) return power(args);
    throw Usage{
        (verb.empty() ? std::string{"server needs a verb"} : "unknown verb \"server " + verb + "\"") +
        ": list, status, create, start, stop, restart, kill, delete, reinstall, logs, console or files"};
}

} // namespace agenthost::hub::cli
