#include "print_words.hpp"

#include "verbs.hpp"

#include "base/base64.hpp"
#include "base/iso8601.hpp"
#include "base/utf8.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace agenthost::hub::cli {

using nlohmann::json;

namespace {

bool is_text(const std::string& bytes)
{
    const auto control = [](unsigned char c) {
        return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
    };
    return std::none_of(bytes.begin(), bytes.end(), control) &&
           base::utf8_valid_prefix(bytes) == bytes.size();
}

std::string text(const json& object, const char* key)
{
    const auto at = object.is_object() ? object.find(key) : object.end();
    if (at == object.end() || at->is_null()) return {};
    return at->is_string() ? at->get<std::string>()
                           : at->dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string hex(const json& device, const char* key)
{
    const auto at = device.find(key);
    if (at == device.end() || !at->is_number_unsigned()) return {};
    char digits[8];
    std::snprintf(digits, sizeof digits, "%04x", at->get<unsigned>() & 0xffffU);
    return digits;
}

// As --printer accepts it.
std::string address_of(const json& device)
{
    if (const std::string ip = text(device, "ip"); !ip.empty()) {
        const std::string port = text(device, "port"), host = ip.find(':') == ip.npos ? ip : "[" + ip + "]";
        return host + ":" + (port.empty() ? "9100" : port);
    }
    const std::string vendor = hex(device, "vendorId"), product = hex(device, "productId");
    return vendor.empty() ? std::string{} : vendor + ":" + product;
}

// The status of an object such as lastTest, or its code or message.
std::string short_state(const json& device, const char* key)
{
    const auto at = device.find(key);
    if (at == device.end() || at->is_null()) return "-";
    if (!at->is_object()) return text(device, key);
    for (const char* member : {"status", "code", "message"})
        if (std::string found = text(*at, member); !found.empty()) return found;
    return "-";
}

std::string time_of(const json& task, const char* key)
{
    const auto at = task.find(key);
    return at != task.end() && at->is_number_integer() ? base::iso8601(at->get<std::int64_t>())
                                                       : std::string{};
}

} // namespace

const PrintVerb& print_verb(std::span<const PrintVerb> verbs, const Arguments& args)
{
    const std::string given = args.words.size() > 1 ? args.words[1] : "";
    std::string names;
    for (const PrintVerb& verb : verbs) {
        if (verb.name == given) return verb;
        names += (names.empty() ? "" : ", ") + std::string{verb.name};
    }
    throw Usage{(given.empty() ? std::string{"print needs a verb"} : "unknown verb \"print " + given + "\"") +
                "; there are " + names};
}

void check_print_words(const PrintVerb& verb, const Arguments& args)
{
    const std::size_t words = args.words.size() - 2;
    if (words < verb.least) throw Usage{"a word is missing"};
    if (words > verb.most)
        throw Usage{"unexpected word \"" + args.words.back() + "\"; quote a text that has blanks"};
    const std::array<std::pair<std::string_view, bool>, 9> options{{{"--printer", !args.printer.empty()},
                                                                    {"--name", !args.name.empty()},
                                                                    {"--charset", !args.charset.empty()},
                                                                    {"--raw", args.raw},
                                                                    {"--key", !args.key.empty()},
                                                                    {"--timeout", args.timeout.has_value()},
                                                                    {"--status", !args.status.empty()},
                                                                    {"--outcome", !args.outcome.empty()},
                                                                    {"--file", !args.file.empty()}}};
    for (const auto& [name, given] : options)
        if (given && verb.form.find(name) == verb.form.npos)
            throw Usage{"print " + std::string{verb.name} + " has no option " + std::string{name}};
}

json print_order(const Arguments& args, const std::string& bytes)
{
    if (args.raw && !args.charset.empty())
        throw Usage{"--raw and --charset exclude each other; give one of them"};
    if (bytes.empty()) throw Usage{"there is nothing to print: the input is empty"};
    json order = json::object();
    if (!args.charset.empty()) {
        order["data"] = base::base64(bytes);
        order["charset"] = args.charset;
    } else if (!args.raw && is_text(bytes)) {
        order["text"] = bytes;
    } else {
        order["data"] = base::base64(bytes);
    }
    if (!args.printer.empty()) order["printer"] = args.printer;
    if (!args.name.empty()) order["name"] = args.name;
    return order;
}

std::vector<std::vector<std::string>> printer_rows(const json& shops)
{
    std::vector<std::vector<std::string>> rows{
        {"SHOP", "STATUS", "PRINTER", "ADDRESS", "ROLE", "DEFAULT", "LAST TEST", "LAST ERROR"}};
    for (const json& shop : shops) {
        const std::string id = text(shop, "shopId"), status = text(shop, "status");
        const auto beat = shop.find("heartbeat");
        const json devices =
            beat != shop.end() && beat->is_object() ? beat->value("devices", json::array()) : json::array();
        if (!devices.is_array() || devices.empty()) rows.push_back({id, status, "-"});
        if (!devices.is_array()) continue;
        for (const json& device : devices) {
            if (!device.is_object()) continue;
            const std::string alias = text(device, "alias");
            rows.push_back({id, status, alias.empty() ? "-" : alias, address_of(device), text(device, "role"),
                            text(device, "isDefault") == "true" ? "yes" : "", short_state(device, "lastTest"),
                            short_state(device, "lastError")});
        }
    }
    return rows;
}

std::vector<std::vector<std::string>> task_rows(const json& tasks)
{
    std::vector<std::vector<std::string>> rows{
        {"TASK", "CREATED", "COMMAND", "STATUS", "OUTCOME", "MESSAGE"}};
    for (const json& task : tasks) {
        const std::string outcome = text(task, "outcome");
        std::string status = text(task, "status");
        if (text(task, "warning") == "true" && outcome.empty()) status += " (late)";
        rows.push_back({text(task, "id"), time_of(task, "created"), text(task, "command"), status,
                        outcome.empty() ? "-" : outcome, text(task, "message")});
    }
    return rows;
}

std::string task_sentence(const json& task)
{
    const std::string outcome = text(task, "outcome"), message = text(task, "message"), id = text(task, "id"),
                      origin = text(task, "copyOf");
    std::string out = id + ": " + (outcome.empty() ? text(task, "status") : outcome);
    if (!origin.empty()) out += ", a copy of " + origin;
    if (!message.empty()) out += ": " + message;
    if (outcome == "unknown")
        out += ". Look at the paper; if nothing was printed: agenthost hub print reprint " + id;
    return out;
}

int task_exit_code(const json& task)
{
    const std::string status = text(task, "status");
    if (text(task, "outcome") == "unknown") return outcome_unknown;
    if (status == "success") return 0;
    return status == "error" || status == "failed" ? 1 : timed_out;
}

} // namespace agenthost::hub::cli
