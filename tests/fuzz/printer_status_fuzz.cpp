// What a printer sends, arbitrary bytes: the parser never reads outside, keeps bounded lists, and gives the same for any way of
// cutting. First byte: questions that were asked (its bits) and how the rest is cut; 'd': the rest is an IEEE 1284 device id.
#include "tests/fuzz/promise.hpp"

#include "plugins/printer/device/device_id.hpp"
#include "plugins/printer/device/identity.hpp"
#include "plugins/printer/device/status_parser.hpp"

#include <algorithm>
#include <span>

using namespace agenthost::printer;
using agenthost::wire::demand;

namespace {

void ask(StatusParser& parser, std::uint8_t bits)
{
    for (std::uint8_t question = 1; question <= 9; ++question)
        if ((bits >> (question % 8) & 1) != 0) parser.asked(static_cast<Question>(question));
}

bool plain(const std::string& text)
{
    return text.size() <= max_device_id_value &&
           std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

void read_device_id(std::string_view raw)
{
    const DeviceId id = parse_device_id(raw);
    for (const std::string& value : {id.manufacturer, id.model, id.serial, id.commands})
        demand(plain(value), "a value is printable and bounded");
    KnownPrinters known;
    const PresentPrinter present{1, 2, std::string{raw}, std::string{raw}, "1-1"},
        other{1, 2, {}, {}, std::string{raw}};
    const auto names = name_printers(std::vector{present, other}, known);
    demand(names.size() == 2 && names[0] != names[1], "names are unique");
    demand(name_printers(std::vector{present, other}, known) == names, "a name stays");
    for (const std::string& name : names)
        demand(std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7F; }), "a name is printable");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const std::string rest{reinterpret_cast<const char*>(data + 1), size - 1};
    if (data[0] == 'd') return read_device_id(rest), 0;
    const std::vector<std::uint8_t> bytes{rest.begin(), rest.end()};
    StatusParser whole, cut;
    ask(whole, data[0]);
    ask(cut, data[0]);
    whole.feed(bytes);
    unsigned state = data[0];
    for (std::size_t at = 0; at < bytes.size();) {
        state = state * 1103515245U + 12345U;
        const std::size_t n = std::min<std::size_t>(1 + (state >> 16) % 9, bytes.size() - at);
        cut.feed(std::span{bytes}.subspan(at, n));
        at += n;
    }
    demand(whole.status() == cut.status(), "cuts do not change the status");
    demand(whole.garbage() == cut.garbage() && whole.garbage() <= bytes.size(),
           "cuts do not change what is counted");
    demand(whole.outstanding() == cut.outstanding() && whole.outstanding() <= 9,
           "an answer takes one question");
    demand(reason(whole.status()).empty() || whole.status().known, "nothing is known without an answer");
    const auto ids = whole.take_confirmed();
    const auto texts = whole.take_texts();
    demand(ids == cut.take_confirmed() && texts == cut.take_texts(), "cuts do not change what arrives");
    demand(ids.size() <= StatusParser::max_kept && texts.size() <= StatusParser::max_kept,
           "lists are bounded");
    for (const ProcessId& id : ids) {
        const std::string proof = "7\"" + to_string(id) + '\0';
        demand(rest.size() >= proof.size(), "a confirmation has all its bytes");
    }
    for (const std::string& text : texts) demand(text.size() < StatusParser::max_block, "a text is bounded");
    return 0;
}
