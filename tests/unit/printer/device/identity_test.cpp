#include "plugins/printer/device/device_id.hpp"
#include "plugins/printer/device/match.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

using namespace agenthost::printer;

namespace {

constexpr std::uint16_t epson = 0x04b8, t20 = 0x0e15;

PresentPrinter present(std::string serial, std::string port)
{
    return {epson, t20, std::move(serial), {}, std::move(port)};
}

std::vector<std::string> named(std::vector<PresentPrinter> printers)
{
    KnownPrinters known;
    return name_printers(printers, known);
}

TEST(PrinterDeviceId, ReadsBothSpellingsAndEitherLength)
{
    const DeviceId epson_id = parse_device_id("MFG:EPSON;CMD:ESC/POS;MDL:TM-T88V;CLS:PRINTER;SN:J8K9000123;");
    EXPECT_EQ(epson_id, (DeviceId{"EPSON", "TM-T88V", "J8K9000123", "ESC/POS"}));
    using namespace std::string_literals;
    const std::string text = "MANUFACTURER:A;model: B ;Serial Number:C123";
    for (const std::size_t length : {text.size(), text.size() + 2}) {
        const char low = static_cast<char>(length);
        EXPECT_EQ(parse_device_id("\0"s + low + text), (DeviceId{"A", "B", "C123", ""}));
        EXPECT_EQ(parse_device_id(low + "\0"s + text), (DeviceId{"A", "B", "C123", ""}));
    }
}

TEST(PrinterDeviceId, HostileTextIsCutAndCleaned)
{
    EXPECT_EQ(parse_device_id(""), DeviceId{});
    EXPECT_EQ(parse_device_id("\xff"), DeviceId{});
    EXPECT_EQ(parse_device_id(";;:;:::MDL;"), DeviceId{});
    EXPECT_EQ(parse_device_id("MDL:one;MDL:two;").model, "one");
    EXPECT_EQ(parse_device_id("MDL:a\x01\x1b[31mb\xc3\xa9;").model, "a[31mb");
    EXPECT_EQ(parse_device_id("SN:" + std::string(100'000, 'x')).serial.size(), max_device_id_value);
    std::mt19937 random{5};
    for (int i = 0; i < 20'000; ++i) {
        std::string raw(random() % 40, '\0');
        for (char& c : raw) c = "MDLSNFG:;; \0\x7f\xff"[random() % 15];
        const DeviceId id = parse_device_id(raw);
        for (const std::string& value : {id.manufacturer, id.model, id.serial, id.commands})
            ASSERT_TRUE(std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7F; }));
    }
}

TEST(PrinterIdentity, ASerialMustBePlausible)
{
    for (const char* good : {"J8K9000123", "0001", "L3 15-A"}) EXPECT_TRUE(plausible_serial(good)) << good;
    for (const char* bad : {"", "1", "abc", "0000000000", "????", "0123456789", "NONE", "Default",
                            "\xe4\xb8\xad\xe6\x96\x87", "ab\tcd"})
        EXPECT_FALSE(plausible_serial(bad)) << bad;
    EXPECT_FALSE(plausible_serial(std::string(126, 'a') + "b"));
}

TEST(PrinterIdentity, TheBusAddressIsNotPartOfAName)
{
    EXPECT_EQ(named({present("J8K9", "1-2.3")}), std::vector<std::string>{"usb:04b8:0e15#J8K9"});
    EXPECT_EQ(named({present("1", "1-2.3")}), std::vector<std::string>{"usb:04b8:0e15@1-2.3"});
    EXPECT_EQ(named({{epson, t20, "", "MFG:EPSON;SN:ABCD5;", "1-1"}}),
              std::vector<std::string>{"usb:04b8:0e15#ABCD5"});
    // An implausible USB serial does not hide a good one in the device id.
    EXPECT_EQ(named({{epson, t20, "0000", "MFG:EPSON;SN:ABCD5;", "1-1"}}),
              std::vector<std::string>{"usb:04b8:0e15#ABCD5"});
    EXPECT_EQ(named({present("A#@% b", "1-1")}), std::vector<std::string>{"usb:04b8:0e15#A%23%40%25%20b"});
}

TEST(PrinterIdentity, TwoOfOneKindWithTheSameSerialAreNamedByPort)
{
    EXPECT_EQ(named({present("SAME1", "1-1"), present("SAME1", "1-2")}),
              (std::vector<std::string>{"usb:04b8:0e15@1-1", "usb:04b8:0e15@1-2"}));
    // The same serial on another model is another printer.
    EXPECT_EQ(named({present("SAME1", "1-1"), {0x1fc9, 0x2016, "SAME1", {}, "1-2"}}),
              (std::vector<std::string>{"usb:04b8:0e15#SAME1", "usb:1fc9:2016#SAME1"}));
}

TEST(PrinterIdentity, ASecondPrinterWithTheSerialKeepsTheFirstOnesNameAsAnAlias)
{
    KnownPrinters known;
    const PresentPrinter first = present("SAME1", "1-1"), second = present("SAME1", "1-2");
    const std::string before = name_printers(std::vector{first}, known).front();
    const auto names = name_printers(std::vector{second, first}, known);
    const auto record = [&](const std::string& name) {
        return *std::ranges::find(known.printers, name, &KnownPrinter::name);
    };
    EXPECT_TRUE(is_called(record(names[1]), before));
    EXPECT_FALSE(is_called(record(names[0]), before));
    // Unplugging one of them does not give the serial back: the other one would change its name again.
    EXPECT_EQ(name_printers(std::vector{first}, known).front(), names[1]);
    EXPECT_TRUE(is_called(record(names[1]), before));
    EXPECT_TRUE(is_called(record(names[1]), "usb:1-1"));
    EXPECT_TRUE(is_called(record(names[1]), "1-1"));
    EXPECT_FALSE(is_called(record(names[1]), "1-2"));
    EXPECT_FALSE(is_called(record(names[1]), ""));
}

TEST(PrinterIdentity, NamesAreUniqueAndDoNotDependOnTheOrder)
{
    std::mt19937 random{11};
    const std::vector<std::string> serials{"", "1", "0000", "SN-1", "SN-2", "SN-3", "ABCDEF"};
    for (int round = 0; round < 2'000; ++round) {
        std::vector<PresentPrinter> printers;
        for (std::size_t i = 0, n = random() % 7; i < n; ++i)
            printers.push_back({epson,
                                static_cast<std::uint16_t>(random() % 2),
                                serials[random() % serials.size()],
                                {},
                                "1-" + std::to_string(i)});
        KnownPrinters known;
        const auto names = name_printers(printers, known);
        ASSERT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
        ASSERT_EQ(name_printers(printers, known), names) << "a name stays";
        std::vector<std::size_t> order(printers.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::ranges::shuffle(order, random);
        std::vector<PresentPrinter> shuffled;
        shuffled.reserve(order.size());
        for (const std::size_t i : order) shuffled.push_back(printers[i]);
        const auto again = named(shuffled);
        for (std::size_t i = 0; i < order.size(); ++i) ASSERT_EQ(again[i], names[order[i]]);
    }
}

TEST(PrinterIdentity, WhatIsKnownIsBounded)
{
    KnownPrinters known;
    for (int i = 0; i < 1'000; ++i) {
        const std::string serial = "SN-" + std::to_string(i);
        name_printers(std::vector{present(serial, "1-1"), present(serial, "1-2"),
                                  present("", "9-" + std::to_string(i))},
                      known);
        ASSERT_LE(known.printers.size(), max_known_printers);
        ASSERT_LE(known.shared.size(), max_known_printers);
        for (const KnownPrinter& printer : known.printers) ASSERT_LE(printer.former.size(), max_former_names);
    }
}

Candidate candidate(std::string alias, const std::string& serial, std::string port)
{
    return {{"usb:04b8:0e15#" + serial, {}, std::move(port)}, epson, t20, std::move(alias), serial, false};
}

TEST(PrinterMatch, FindsTheOneThatIsMeant)
{
    const std::vector present{candidate("Kitchen", "SN-1", "1-1"), candidate("Bar", "SN-2", "1-2")};
    EXPECT_EQ(match({.alias = "Bar"}, present).found, 1u);
    EXPECT_EQ(match({.vendor = epson, .product = t20, .serial = "SN-1"}, present).found, 0u);
    EXPECT_EQ(match({.port = "1-2"}, present).found, 1u);
    EXPECT_EQ(match({.printer = "Kitchen"}, present).found, 0u);
    EXPECT_EQ(match({.printer = "usb:1-2"}, present).found, 1u);
    EXPECT_EQ(match({.printer = "usb:04b8:0e15#SN-1"}, present).found, 0u);
}

TEST(PrinterMatch, RefusesToGuess)
{
    std::vector present{candidate("Kitchen", "SN-1", "1-1"), candidate("Bar", "SN-2", "1-2")};
    const Match two = match({.vendor = epson, .product = t20}, present);
    EXPECT_FALSE(two.found);
    EXPECT_EQ(two.problem.code, "PRINTER_AMBIGUOUS");
    EXPECT_NE(
        two.problem.message.find("USB id 04b8:0e15 fits several printers: Kitchen (usb:04b8:0e15#SN-1), Bar"),
        std::string::npos)
        << two.problem.message;
    EXPECT_EQ(match({}, present).problem.code, "PRINTER_AMBIGUOUS");
    present[1].is_default = true;
    EXPECT_EQ(match({}, present).found, 1u) << "the default is what a request without a printer means";
    EXPECT_FALSE(match({.vendor = epson}, present).found)
        << "but it does not decide between two that a request names";
    // Contradicting criteria fit nothing, rather than the better half.
    const Match none = match({.alias = "Bar", .serial = "SN-1"}, present);
    EXPECT_EQ(none.problem.code, "PRINTER_NOT_FOUND");
    EXPECT_NE(none.problem.message.find("no printer has alias \"Bar\", serial \"SN-1\"; present are Kitchen"),
              std::string::npos)
        << none.problem.message;
    EXPECT_EQ(match({}, {}).problem.code, "PRINTER_NOT_FOUND");
    EXPECT_EQ(match({}, std::span{present}.first(1)).found, 0u);
}

} // namespace
