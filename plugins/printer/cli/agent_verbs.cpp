// The verbs that ask the running agent: list, test, queue, cancel, watch.
#include "daemon.hpp"
#include "verbs.hpp"

#include "base/visible.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <iostream>
#include <thread>

namespace agenthost::printer::cli {

const std::string_view list_usage =
    "list [--json]        the printers of this node and what keeps them from printing\n";
const std::string_view test_usage =
    "test [PRINTER] [--json]  print a test page; PRINTER is an alias, role, name or address\n";
const std::string_view queue_usage =
    R"(queue [PRINTER]      jobs that have not ended; --all: also those that have
         --json              as JSON
)";
const std::string_view cancel_usage = "cancel JOB [--json]  cancel a job by its number\n";
const std::string_view watch_usage =
    "watch [--json]       show the printers' states as they change; Ctrl-C ends it\n";

namespace {

using Json = nlohmann::json;

struct Asked {
    std::string control, word;
    bool json = false, all = false;
};

Asked parse(Arguments args)
{
    Asked out;
    while (args.more()) {
        if (args.flag("--json")) {
            out.json = true;
        } else if (args.flag("--all")) {
            out.all = true;
        } else if (args.value("--control", out.control)) {
            continue;
        } else {
            args.reject_option(std::array<std::string_view, 3>{"--json", "--all", "--control"});
            if (!out.word.empty())
                throw Usage{"unexpected \"" + args.word() + "\": this verb takes one word, \"" + out.word +
                            "\""};
            out.word = args.take();
        }
    }
    return out;
}

Json ask(const Asked& asked, std::string_view action, Json params = Json::object())
{
    if (!asked.word.empty() && action != "printer.cancel") params["printer"] = asked.word;
    return call_agent(control_socket(asked.control), action, params);
}

std::string text_of(const Json& object, const char* key)
{
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return {};
    return base::visible(found->is_string() ? found->get<std::string>() : found->dump());
}

int show(const Asked& asked, const Json& answer)
{
    std::cout << (asked.json ? answer.dump(2) : text_of(answer, "message")) << "\n";
    return 0;
}

std::string printer_line(const Json& printer)
{
    std::string name = text_of(printer, "alias");
    if (name.empty()) name = text_of(printer, "name");
    std::string out = name + ": " + text_of(printer, "status");
    if (printer.value("isDefault", false)) out += ", default";
    if (const auto queued = printer.value("queued", 0); queued > 0)
        out += ", " + std::to_string(queued) + " jobs";
    out += " (" + text_of(printer, "name") + ", " + text_of(printer, "profile") + ")";
    if (const std::string reason = text_of(printer, "reason"); !reason.empty()) out += "\n    " + reason;
    return out;
}

std::string job_line(const Json& job)
{
    std::string out =
        text_of(job, "job") + "  " + text_of(job, "printer") + "  " + text_of(job, "kind") + "  ";
    out += job.contains("outcome") ? text_of(job, "outcome") : text_of(job, "state");
    out +=
        "  " + text_of(job, "bytesSent") + "/" + text_of(job, "size") + " bytes  " + text_of(job, "created");
    if (job.contains("task")) out += "  task " + text_of(job, "task");
    if (job.contains("message")) out += "\n    " + text_of(job, "code") + ": " + text_of(job, "message");
    return out;
}

} // namespace

int list(Arguments args)
{
    const Asked asked = parse(std::move(args));
    const Json answer = ask(asked, "printer.list");
    if (asked.json) {
        std::cout << answer.dump(2) << "\n";
        return 0;
    }
    const Json printers = answer.value("printers", Json::array());
    for (const Json& printer : printers) std::cout << printer_line(printer) << "\n";
    const std::string usb = text_of(answer, "usb");
    if (printers.empty())
        std::cout << (usb.empty() ? "no printers: plug one in, or configure a network printer under "
                                    "plugins.printer.config.devices\n"
                                  : "no printers\n");
    if (!usb.empty()) std::cout << usb << "\n";
    return 0;
}

int test(Arguments args)
{
    const Asked asked = parse(std::move(args));
    return show(asked, ask(asked, "printer.test"));
}

int queue(Arguments args)
{
    const Asked asked = parse(std::move(args));
    const Json answer = ask(asked, "printer.queue", {{"all", asked.all}});
    if (asked.json) {
        std::cout << answer.dump(2) << "\n";
        return 0;
    }
    const Json jobs = answer.value("jobs", Json::array());
    for (const Json& job : jobs) std::cout << job_line(job) << "\n";
    if (jobs.empty()) std::cout << "no jobs\n";
    return 0;
}

int cancel(Arguments args)
{
    const Asked asked = parse(std::move(args));
    std::int64_t job = 0;
    const auto [end, error] = std::from_chars(asked.word.data(), asked.word.data() + asked.word.size(), job);
    if (error != std::errc{} || end != asked.word.data() + asked.word.size() || job <= 0)
        throw Usage{"cancel needs the number of a job; `agenthost print queue` lists them"};
    return show(asked, ask(asked, "printer.cancel", {{"job", job}}));
}

int watch(Arguments args)
{
    constexpr std::chrono::seconds interval{1};
    const Asked asked = parse(std::move(args));
    for (std::string shown;;) {
        std::string now;
        const Json answer = ask(asked, "printer.list");
        for (const Json& printer : answer.value("printers", Json::array()))
            now += printer_line(printer) + "\n";
        if (now != shown) std::cout << (asked.json ? answer.dump() : now) << std::endl;
        if (!std::cout) return 1;
        shown = std::move(now);
        std::this_thread::sleep_for(interval);
    }
}

} // namespace agenthost::printer::cli
