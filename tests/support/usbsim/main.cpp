// usbsim: USB printers without hardware. Prints {"root": FOLDER}; a program that is started with
// UMOCKDEV_DIR=FOLDER and LD_PRELOAD=libumockdev-preload.so.0 sees them. Commands come on stdin, one a line;
// each is answered with one line of JSON: the device's state, or {"error": TEXT}. Ends at the end of stdin, so
// that it never outlives who started it.
//
//   add NAME [FIELD=VALUE...]   vid pid (hex) serial device_id model manufacturer port class in packet shape;
//                               %20 is a space
//   plug NAME, unplug NAME, clear NAME, stat NAME
//   set NAME FIELD VALUE        a field as above, at the next plug
//   stall_at | proto_at | nak_at NAME BYTES        faults by the count of bytes taken; -1: never
//   unplug_at NAME BYTES [shutdown|proto|pipe]     how the transfer in flight ends
//   rate NAME BYTES_PER_SECOND, buffer NAME BYTES  what it takes when it cannot print
//   deny_claim | deny_driver NAME TIMES, fail_clear_halt | stall_input | empty_input NAME 0|1
//   hang NAME open|claim|control|clear_halt|release|status, resume NAME
//   paper_out | cover_open | offline | answers_status | answers_process_id NAME 0|1, port NAME HEX
//   push NAME HEX               the device sends this packet
//   dump NAME FILE              the bytes that it has taken
#include "testbed.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <stdexcept>

using namespace agenthost::usbsim;

namespace {

using Words = std::vector<std::string>;
using Command = std::function<void(Device&, const Words&)>;

const std::string& word(const Words& words, std::size_t at)
{
    if (at >= words.size()) throw std::runtime_error{"a value is missing"};
    return words[at];
}
long number(const Words& words, std::size_t at = 0) { return std::stol(word(words, at)); }
bool flag(const Words& words) { return number(words) != 0; }

std::vector<std::uint8_t> bytes_of(const std::string& hex)
{
    std::vector<std::uint8_t> out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    return out;
}

std::string unescaped(const std::string& text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%' || i + 2 >= text.size()) {
            out += text[i];
            continue;
        }
        out += static_cast<char>(std::stoul(text.substr(i + 1, 2), nullptr, 16));
        i += 2;
    }
    return out;
}

int unplug_status(const Words& words)
{
    if (words.size() < 2 || words[1] == "shutdown") return -ESHUTDOWN;
    if (words[1] == "proto") return -EPROTO;
    if (words[1] == "pipe") return -EPIPE;
    throw std::runtime_error{"unknown status " + words[1]};
}

void dump(Device& device, const Words& words)
{
    std::ofstream out{word(words, 0), std::ios::binary};
    out.write(reinterpret_cast<const char*>(device.taken.data()),
              static_cast<std::streamsize>(device.taken.size()));
    if (!out.flush()) throw std::runtime_error{"cannot write " + words[0]};
}

const std::map<std::string, Command>& commands()
{
    using D = Device&;
    using W = const Words&;
    static const std::map<std::string, Command> table{
        {"stat", [](D, W) {}},
        {"clear", [](D d, W) { d.clear(); }},
        {"set", [](D d, W w) { set_field(d.spec, word(w, 0), unescaped(w.size() > 1 ? w[1] : "")); }},
        {"stall_at", [](D d, W w) { d.faults.stall_at = number(w); }},
        {"proto_at", [](D d, W w) { d.faults.proto_at = number(w); }},
        {"nak_at", [](D d, W w) { d.faults.nak_at = number(w); }},
        {"unplug_at",
         [](D d, W w) {
             d.faults.unplug_at = number(w);
             d.faults.unplug_status = unplug_status(w);
         }},
        {"rate", [](D d, W w) { d.faults.rate = static_cast<double>(number(w)); }},
        {"buffer", [](D d, W w) { d.faults.buffer = static_cast<std::size_t>(number(w)); }},
        {"deny_claim", [](D d, W w) { d.faults.deny_claims = static_cast<int>(number(w)); }},
        {"deny_driver", [](D d, W w) { d.faults.deny_driver = static_cast<int>(number(w)); }},
        {"fail_clear_halt", [](D d, W w) { d.faults.fail_clear_halt = flag(w); }},
        {"stall_input", [](D d, W w) { d.faults.stall_input = flag(w); }},
        {"empty_input", [](D d, W w) { d.faults.empty_input = flag(w); }},
        {"hang", [](D d, W w) { d.faults.hang = word(w, 0); }},
        {"resume", [](D d, W) { d.resume(); }},
        {"paper_out", [](D d, W w) { d.printer.paper_out = flag(w); }},
        {"cover_open", [](D d, W w) { d.printer.cover_open = flag(w); }},
        {"offline", [](D d, W w) { d.printer.offline = flag(w); }},
        {"answers_status", [](D d, W w) { d.printer.answers_status = flag(w); }},
        {"answers_process_id", [](D d, W w) { d.printer.answers_process_id = flag(w); }},
        {"port",
         [](D d, W w) {
             d.printer.forced_port_status = static_cast<int>(std::stol(word(w, 0), nullptr, 16));
         }},
        {"push", [](D d, W w) { d.printer.replies.push_back(bytes_of(word(w, 0))); }},
        {"dump", dump},
    };
    return table;
}

void add(Testbed& testbed, const std::string& name, const Words& fields)
{
    Spec spec;
    for (const auto& field : fields) {
        const auto at = field.find('=');
        if (at == std::string::npos) throw std::runtime_error{field + " is not FIELD=VALUE"};
        set_field(spec, field.substr(0, at), unescaped(field.substr(at + 1)));
    }
    testbed.add(name, std::move(spec));
}

std::string run(Testbed& testbed, const std::string& line)
{
    std::istringstream in{line};
    std::string verb, name;
    in >> verb >> name;
    Words words;
    for (std::string next; in >> next;) words.push_back(next);
    if (verb == "add")
        add(testbed, name, words);
    else if (verb == "plug")
        testbed.plug(name);
    else if (verb == "unplug")
        testbed.unplug(name);
    else if (const auto found = commands().find(verb); found != commands().end()) {
        const auto held = testbed.lock();
        Device& device = testbed.device(name);
        found->second(device, words);
        device.pump();
    } else {
        throw std::runtime_error{"unknown command " + verb};
    }
    const auto held = testbed.lock();
    testbed.device(name).drop_dead_clients();
    return testbed.device(name).state();
}

} // namespace

int main()
{
    Testbed testbed;
    std::cout << nlohmann::json{{"root", testbed.root()}}.dump() << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        std::string reply;
        try {
            reply = run(testbed, line);
        } catch (const std::exception& error) {
            reply = nlohmann::json{{"error", error.what()}}.dump();
        }
        std::cout << reply << std::endl;
    }
}
