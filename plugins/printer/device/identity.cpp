#include "identity.hpp"

#include "device_id.hpp"

#include "base/ascii.hpp"
#include "base/trim.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace agenthost::printer {

namespace {

constexpr std::size_t max_port = 64;
// What firmware carries where nobody wrote a serial number.
constexpr std::array<std::string_view, 8> placeholders{
    "0123456789", "123456789", "12345678", "1234567890", "none", "null", "default", "serial",
};

bool printable(char c) { return c > 0x20 && c < 0x7F; }

std::string trimmed(std::string_view text)
{
    return std::string{base::trim(text, std::string_view{" \0", 2})};
}

std::string model_of(const PresentPrinter& printer)
{
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "usb:%04x:%04x", printer.vendor, printer.product);
    return text.data();
}

// Bytes that could be taken for the syntax of a name are written as %XX.
std::string escaped(std::string_view text)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        if (printable(c) && c != '%' && c != '#' && c != '@') {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

std::string port_name(const PresentPrinter& printer)
{
    return model_of(printer) + '@' + escaped(std::string_view{printer.port}.substr(0, max_port));
}

// Empty if it has no serial that could name it.
std::string serial_name(const PresentPrinter& printer)
{
    std::string serial = trimmed(printer.serial);
    if (!plausible_serial(serial)) serial = parse_device_id(printer.device_id).serial;
    return plausible_serial(serial) ? model_of(printer) + '#' + escaped(serial) : std::string{};
}

bool contains(const std::vector<std::string>& list, std::string_view text)
{
    return std::ranges::find(list, text) != list.end();
}

void note_shared(std::span<const std::string> serials, KnownPrinters& known)
{
    for (const std::string& serial : serials) {
        if (serial.empty() || std::ranges::count(serials, serial) < 2 || contains(known.shared, serial))
            continue;
        if (known.shared.size() == max_known_printers) known.shared.erase(known.shared.begin());
        known.shared.push_back(serial);
    }
}

// The record of the printer that has `name` now; before a change of scheme it had `serial` and was seen at
// `port`.
KnownPrinter take_record(KnownPrinters& known, const std::string& name, const std::string& serial,
                         const std::string& port)
{
    const auto named = [&](const KnownPrinter& p) { return p.name == name; };
    const auto was = [&](const KnownPrinter& p) {
        return !serial.empty() && p.name == serial && p.port == port;
    };
    auto found = std::ranges::find_if(known.printers, named);
    if (found == known.printers.end()) found = std::ranges::find_if(known.printers, was);
    KnownPrinter record{name, {}, port};
    if (found == known.printers.end()) return record;
    record.former = std::move(found->former);
    if (found->name != name) record.former.insert(record.former.begin(), found->name);
    if (record.former.size() > max_former_names) record.former.resize(max_former_names);
    known.printers.erase(found);
    return record;
}

} // namespace

bool plausible_serial(std::string_view serial)
{
    if (serial.size() < 4 || serial.size() > max_device_id_value) return false;
    if (!std::ranges::all_of(serial, [](char c) { return printable(c) || c == ' '; })) return false;
    if (std::ranges::all_of(serial, [&](char c) { return c == serial.front(); })) return false;
    return std::ranges::none_of(
        placeholders, [&](std::string_view word) { return base::equal_ignoring_case(word, serial); });
}

std::vector<std::string> name_printers(std::span<const PresentPrinter> present, KnownPrinters& known)
{
    std::vector<std::string> serials, names;
    for (const PresentPrinter& printer : present) serials.push_back(serial_name(printer));
    note_shared(serials, known);
    for (std::size_t i = 0; i < present.size(); ++i) {
        const bool by_serial = !serials[i].empty() && !contains(known.shared, serials[i]);
        std::string name = by_serial ? serials[i] : port_name(present[i]);
        // Two devices in one socket cannot be; a descriptor that says so must not join their queues.
        for (int n = 2; contains(names, name); ++n) name = port_name(present[i]) + '~' + std::to_string(n);
        names.push_back(std::move(name));
    }
    for (std::size_t i = 0; i < present.size(); ++i) {
        KnownPrinter record = take_record(known, names[i], serials[i], present[i].port);
        if (known.printers.size() == max_known_printers) known.printers.erase(known.printers.begin());
        known.printers.push_back(std::move(record));
    }
    return names;
}

bool is_called(const KnownPrinter& printer, std::string_view text)
{
    if (text.empty()) return false;
    if (text == printer.name || contains(printer.former, text)) return true;
    if (text.starts_with("usb:")) text.remove_prefix(4);
    return !printer.port.empty() && text == printer.port;
}

} // namespace agenthost::printer
