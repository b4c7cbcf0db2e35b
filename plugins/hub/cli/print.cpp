// agenthost hub print ...
#include "daemon.hpp"
#include "local_file.hpp"
#include "print_words.hpp"
#include "server_words.hpp"
#include "verbs.hpp"

#include "base/base64.hpp"
#include "base/visible.hpp"
#include "base/write_all.hpp"
#include "base/write_file.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>

namespace agenthost::hub::cli {

using nlohmann::json;

namespace {

constexpr std::size_t max_job = 760 << 10;
constexpr std::chrono::seconds default_wait{60}, max_wait{3'600};
constexpr auto reply_margin = std::chrono::seconds{30};

int show_json(const json& data)
{
    std::cout << data.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
    return 0;
}

int list(const Arguments& args)
{
    json asked = json::object(), all = json::array();
    if (args.words.size() == 3) asked["shop"] = args.words[2];
    while (true) {
        const json page = call(args.control, {"hub.print_shops", asked});
        for (const json& shop : page.at("shops")) all.push_back(shop);
        if (!page.at("next").is_string()) break;
        asked["after"] = page["next"];
    }
    if (args.as_json) return show_json({{"shops", all}});
    std::cout << table(printer_rows(all));
    return 0;
}

// Waits for the task's end and shows it. Returns the exit code.
int finish(const Arguments& args, json task)
{
    const auto wait = args.timeout ? std::chrono::ceil<std::chrono::seconds>(*args.timeout) : default_wait;
    if (wait > max_wait) throw Usage{"--timeout must be at most 1h"};
    const bool ended = task.value("status", "") == "success" || task.contains("outcome");
    if (!ended && wait.count() > 0) {
        Asked asked{"hub.print_task", {{"task", task.at("id")}, {"wait", wait.count()}}};
        asked.timeout_ms = static_cast<int>(std::chrono::milliseconds{wait + reply_margin}.count());
        task = call(args.control, asked);
    }
    if (args.as_json)
        show_json(task);
    else
        std::cout << base::visible(task_sentence(task)) << "\n";
    // With --timeout 0 nobody waits, and an accepted task is a success.
    const int code = task_exit_code(task);
    return wait.count() == 0 && code == timed_out ? 0 : code;
}

int print_bytes(const Arguments& args, const std::string& bytes)
{
    json params{{"shop", args.words[2]}, {"order", print_order(args, bytes)}};
    if (!args.key.empty()) params["key"] = args.key;
    return finish(args, call(args.control, {"hub.print", std::move(params)}));
}

int file(const Arguments& args) { return print_bytes(args, read_local(args.words[3], max_job)); }

int text(const Arguments& args) { return print_bytes(args, args.words[3] + "\n"); }

int task(const Arguments& args)
{
    Arguments shown = args;
    if (!shown.timeout) shown.timeout = std::chrono::milliseconds{0};
    return finish(shown, call(args.control, {"hub.print_task", {{"task", args.words[2]}}}));
}

int tasks(const Arguments& args)
{
    json asked{{"shop", args.words[2]}}, all = json::array();
    if (!args.status.empty()) asked["status"] = args.status;
    if (!args.outcome.empty()) asked["outcome"] = args.outcome;
    while (all.size() < args.tail) {
        asked["limit"] = std::min<std::size_t>(args.tail - all.size(), 200);
        const json page = call(args.control, {"hub.print_tasks", asked});
        for (const json& one : page.at("tasks")) all.push_back(one);
        if (!page.at("next").is_string()) break;
        asked["after"] = page["next"];
    }
    if (args.as_json) return show_json({{"tasks", all}});
    std::cout << table(task_rows(all));
    return 0;
}

int reprint(const Arguments& args)
{
    json params{{"task", args.words[2]}};
    if (!args.key.empty()) params["key"] = args.key;
    return finish(args, call(args.control, {"hub.print_again", std::move(params)}));
}

void write_picture(const std::string& path, const std::string& png)
{
    if (!base::write_file(path, png))
        throw Failed{"cannot write " + path + ": " + std::strerror(errno) +
                     ". Check that the folder exists, is writable and has free space"};
}

// The picture into a file, else the text.
int receipt(const Arguments& args)
{
    const json data = call(args.control, {"hub.print_receipt", {{"task", args.words[2]}}});
    if (args.as_json) return show_json(data);
    if (args.file.empty()) {
        const std::string shown = data.value("text", "");
        std::cout << (::isatty(STDOUT_FILENO) != 0 ? base::visible_lines(shown) : shown);
        if (!shown.ends_with('\n')) std::cout << "\n";
        return 0;
    }
    const auto png = base::from_base64(data.value("png", ""));
    if (!png || png->empty())
        throw Failed{
            "the hub's answer has no picture; leave out --file to get the text, and check the hub's log"};
    if (args.file == "-") {
        if (!base::write_all(STDOUT_FILENO, *png))
            throw Failed{std::string{"cannot write to standard output: "} + std::strerror(errno) +
                         ". Check what it is connected to"};
        return 0;
    }
    write_picture(args.file, *png);
    return 0;
}

constexpr std::array<PrintVerb, 7> verbs{{
    {"list", "[SHOP]", 0, 1, &list},
    {"file", "SHOP FILE|- [--printer P] [--name N] [--charset C | --raw] [--key K] [--timeout TIME]", 2, 2,
     &file},
    {"text", "SHOP TEXT [--printer P] [--name N] [--key K] [--timeout TIME]", 2, 2, &text},
    {"tasks", "SHOP [--status S] [--outcome O] [--tail N]", 1, 1, &tasks},
    {"task", "TASK [--timeout TIME]", 1, 1, &task},
    {"reprint", "TASK [--key K] [--timeout TIME]", 1, 1, &reprint},
    {"receipt", "TASK [--file OUT.png|-]", 1, 1, &receipt},
}};

} // namespace

int print(const Arguments& args)
{
    const PrintVerb& verb = print_verb(verbs, args);
    try {
        check_print_words(verb, args);
        return verb.run(args);
    } catch (const Usage& e) {
        throw Usage{std::string{e.what()} + "\nusage: agenthost hub print " + std::string{verb.name} + " " +
                    std::string{verb.form}};
    }
}

} // namespace agenthost::hub::cli
