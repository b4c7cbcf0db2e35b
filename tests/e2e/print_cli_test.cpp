// `agenthost print ...` for people and for scripts, against an agent with a USB and a network printer.
#include "shop.hpp"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

using namespace agenthost::test;
using nlohmann::json;

namespace {

class PrintCommandLine : public ::testing::Test {
protected:
    PrintCommandLine() { shop_.start_agent(); }

    json asked(std::vector<std::string> args)
    {
        args.push_back("--json");
        const Ran ran = shop_.agent_print(std::move(args));
        EXPECT_EQ(ran.code, 0) << ran.err;
        return json::parse(ran.out, nullptr, false);
    }
    // Why a command failed: one line for people.
    std::string refused(std::vector<std::string> args, int code = 1)
    {
        const Ran ran = shop_.agent_print(std::move(args));
        EXPECT_EQ(ran.code, code) << ran.out << ran.err;
        EXPECT_EQ(ran.out, "");
        return ran.err;
    }
    static bool has(const std::string& text, const std::string& part)
    {
        EXPECT_NE(text.find(part), std::string::npos) << text;
        return text.find(part) != std::string::npos;
    }

    Shop shop_;
};

TEST_F(PrintCommandLine, ListsPrintersAndWhatKeepsThemFromPrinting)
{
    Ran list = shop_.agent_print({"list"});
    EXPECT_EQ(list.code, 0) << list.err;
    has(list.out, "Kitchen: ready, default (usb:0fe6:811e#K000123, default)");
    has(list.out, "Bar: ready (net:" + shop_.bar.address());
    // A printer without a job is asked; what it said is not older than 5 s.
    shop_.usb.command("cover_open kitchen 1");
    EXPECT_TRUE(wait_for([&] {
        list = shop_.agent_print({"list"});
        return list.out.find("Kitchen: cover_open") != std::string::npos;
    })) << list.out;
    has(list.out, "\n    The printer's cover is open. Close it.\n");
    const json printers = asked({"list"}).at("printers");
    ASSERT_EQ(printers.size(), 2U) << printers;
    for (const json& printer : printers) {
        EXPECT_TRUE(printer.contains("checkedAt")) << printer;
        EXPECT_EQ(printer.value("status", ""), printer.value("alias", "") == "Bar" ? "ready" : "cover_open");
    }
}

TEST_F(PrintCommandLine, PrintsTestPages)
{
    for (const char* printer : {"Kitchen", "drinks"}) {
        const Ran test = shop_.agent_print({"test", printer});
        EXPECT_EQ(test.code, 0) << test.err;
        EXPECT_EQ(test.out, std::string{printer} == "Kitchen" ? "Printed\n" : "Sent, not confirmed\n");
    }
    EXPECT_EQ(asked({"test"}).value("outcome", ""), "printed") << "the default printer";
    EXPECT_NE(shop_.kitchen_paper().find("Kitchen"), std::string::npos);
    EXPECT_NE(shop_.bar.received().find("Bar"), std::string::npos);
    const std::string nobody = refused({"test", "Cellar"});
    has(nobody, "Cellar");
    has(nobody, "Use printer.list");
    has(nobody, "PRINTER_NOT_FOUND");
}

TEST_F(PrintCommandLine, ListsAndCancelsJobs)
{
    EXPECT_EQ(shop_.agent_print({"queue"}).out, "no jobs\n");
    shop_.usb.command("paper_out kitchen 1");
    const std::string id = shop_.print({{"text", "Soup\n"}, {"printer", "Kitchen"}});
    EXPECT_TRUE(shop_.printer_says("Kitchen", "status", "paper_out"));
    has(shop_.agent_print({"queue"}).out, "  Kitchen  print  ");
    EXPECT_EQ(shop_.agent_print({"queue", "Bar"}).out, "no jobs\n");
    const json jobs = asked({"queue", "food"}).at("jobs");
    ASSERT_EQ(jobs.size(), 1U) << jobs;
    EXPECT_EQ(jobs[0].value("task", ""), id);
    const std::string job = jobs[0].at("job").dump();
    const Ran cancelled = shop_.agent_print({"cancel", job});
    EXPECT_EQ(cancelled.code, 0) << cancelled.err;
    EXPECT_EQ(cancelled.out, "Cancelled\n");
    EXPECT_EQ(shop_.ended(id).value("outcome", ""), "failed");
    EXPECT_EQ(shop_.agent_print({"queue"}).out, "no jobs\n");
    has(shop_.agent_print({"queue", "--all"}).out, "  Kitchen  print  not_started  0/");
    has(refused({"cancel", job}), "printer.queue with all lists its outcome. (CONFLICT)");
    const std::string none = refused({"cancel", "4711"});
    has(none, "No job has the number 4711. Use printer.queue");
    has(none, "TASK_NOT_FOUND");
    has(refused({"cancel", "soup"}, 2), "`agenthost print queue` lists them");
}

TEST_F(PrintCommandLine, WatchesStatesAsTheyChange)
{
    Process watch{{.argv = {program("agenthost").string(), "--control-socket", shop_.agent().control(), "-c",
                            shop_.agent().config_file(), "print", "watch"}}};
    ASSERT_TRUE(wait_for([&] { return watch.out().find("Kitchen: ready") != std::string::npos; }))
        << watch.err();
    shop_.usb.command("unplug kitchen");
    EXPECT_TRUE(wait_for([&] { return watch.out().find("Kitchen: absent") != std::string::npos; }))
        << watch.out();
    shop_.usb.command("plug kitchen");
    EXPECT_TRUE(wait_for([&] {
        return watch.out().rfind("Kitchen: ready") > watch.out().find("Kitchen: absent");
    })) << watch.out();
    shop_.agent().stop();
    EXPECT_EQ(watch.wait(), 1);
    has(watch.err(), "agenthost print: ");
}

// The shapes are those of agenthost-print(1): members that are always there, and those that may be.
using Shape = std::map<std::string, json::value_t>;
constexpr auto text = json::value_t::string;
constexpr auto number = json::value_t::number_unsigned;

void expect_shape(const json& object, const Shape& always, const Shape& sometimes = {})
{
    ASSERT_TRUE(object.is_object()) << object;
    for (const auto& [key, type] : always) {
        ASSERT_TRUE(object.contains(key)) << key << " of " << object;
        EXPECT_EQ(object[key].type(), type) << key << " of " << object;
    }
    for (const auto& [key, value] : object.items()) {
        if (always.contains(key)) continue;
        ASSERT_TRUE(sometimes.contains(key)) << key << " of " << object << " is not documented";
        EXPECT_EQ(value.type(), sometimes.at(key)) << key << " of " << object;
    }
}

void expect_named(const json& printer)
{
    const bool network = printer.contains("ip");
    for (const char* key : {"ip", "port"}) EXPECT_EQ(printer.contains(key), network) << printer;
    for (const char* key : {"vendorId", "productId"}) EXPECT_EQ(printer.contains(key), !network) << printer;
}

void expect_printers(const json& answer)
{
    expect_shape(answer, {{"printers", json::value_t::array}}, {{"usb", text}});
    for (const json& printer : answer.at("printers")) {
        expect_shape(printer,
                     {{"name", text},
                      {"alias", text},
                      {"role", text},
                      {"isDefault", json::value_t::boolean},
                      {"profile", text},
                      {"status", text},
                      {"queued", number}},
                     {{"ip", text},
                      {"port", number},
                      {"vendorId", number},
                      {"productId", number},
                      {"serial", text},
                      {"reason", text},
                      {"checkedAt", text},
                      {"lastTest", json::value_t::object},
                      {"lastError", json::value_t::object}});
        expect_named(printer);
        if (printer.contains("lastTest"))
            expect_shape(printer["lastTest"], {{"status", text}, {"timestamp", text}});
        if (printer.contains("lastError"))
            expect_shape(printer["lastError"], {{"code", text}, {"message", text}, {"timestamp", text}});
    }
}

TEST_F(PrintCommandLine, EachVerbsJsonHasItsDocumentedShape)
{
    const json page = asked({"test", "Bar"});
    expect_shape(page, {{"message", text},
                        {"outcome", text},
                        {"bytesSent", number},
                        {"job", number},
                        {"printer", json::value_t::object}});
    expect_shape(page["printer"], {{"name", text}, {"alias", text}, {"ip", text}, {"port", number}});
    const json usb_page = asked({"test", "Kitchen"});
    expect_shape(usb_page["printer"],
                 {{"name", text}, {"alias", text}, {"vendorId", number}, {"productId", number}});

    shop_.usb.command("paper_out kitchen 1");
    const std::string id = shop_.print({{"text", "Soup\n"}, {"printer", "Kitchen"}});
    EXPECT_TRUE(shop_.printer_says("Kitchen", "status", "paper_out"));
    const json printers = asked({"list"});
    expect_printers(printers);
    EXPECT_EQ(printers["printers"].size(), 2U);

    const Shape job{{"job", number}, {"kind", text},   {"server", text},      {"printer", text},
                    {"state", text}, {"size", number}, {"bytesSent", number}, {"created", text}};
    Shape ended = job;
    ended.insert({{"outcome", text}, {"ended", text}});
    const Shape more{{"task", text}, {"copyOf", number}, {"code", text}, {"message", text}};
    const json open = asked({"queue"});
    expect_shape(open, {{"jobs", json::value_t::array}});
    ASSERT_EQ(open["jobs"].size(), 1U) << open;
    expect_shape(open["jobs"][0], job, more);
    const json cancelled = asked({"cancel", open["jobs"][0].at("job").dump()});
    expect_shape(cancelled, {{"message", text}, {"job", number}, {"outcome", text}, {"bytesSent", number}});
    EXPECT_EQ(cancelled["outcome"], "not_started");
    EXPECT_EQ(shop_.ended(id).value("outcome", ""), "failed");
    const json all = asked({"queue", "--all"});
    ASSERT_EQ(all["jobs"].size(), 3U) << all;
    for (const json& one : all["jobs"]) expect_shape(one, ended, more);
}

TEST_F(PrintCommandLine, WatchWritesAnObjectALine)
{
    Process watch{{.argv = {program("agenthost").string(), "--control-socket", shop_.agent().control(), "-c",
                            shop_.agent().config_file(), "print", "watch", "--json"}}};
    ASSERT_TRUE(wait_for([&] { return count_of(watch.out(), "\n") == 1; })) << watch.err();
    shop_.usb.command("unplug kitchen");
    ASSERT_TRUE(wait_for([&] { return watch.out().find("\"absent\"") != std::string::npos; })) << watch.out();
    ASSERT_TRUE(wait_for([&] { return watch.out().ends_with("\n"); })) << watch.out();
    std::istringstream lines{watch.out()};
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) expect_printers(json::parse(line));
    EXPECT_GE(count, 2U) << watch.out();
    shop_.agent().stop();
    EXPECT_EQ(watch.wait(), 1);
}

TEST_F(PrintCommandLine, SaysWhyItCannotAsk)
{
    has(refused({"lits"}, 2), "unknown verb \"lits\"; did you mean \"list\"?");
    has(refused({"list", "--jsno"}, 2), "unknown option --jsno");
    shop_.agent().stop();
    has(refused({"list"}), shop_.agent().control());
}

} // namespace
