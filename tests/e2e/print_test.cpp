// A receipt travels: REST -> hub -> agent -> printer plugin -> a printer on loopback, over the print
// protocol; two kinds of printers side by
// side; an agent that is killed while paper is out.
#include "../support/network_printer.hpp"
#include "hub.hpp"

#include <gtest/gtest.h>

#include <csignal>

using namespace agenthost::test;
using nlohmann::json;

namespace {

class ReceiptTravels : public ::testing::Test {
protected:
    ReceiptTravels()
    {
        const auto ran =
            hub_.daemon().cli({"hub", "agent", "add", "shop-1", "--protocol", "print", "--json"});
        write_file(dir_ / "credential", json::parse(ran.out).at("secret").get<std::string>() + "\n");
    }
    std::string yaml(const std::string& more_devices = {}, const std::string& more_config = {}) const
    {
        const auto device = [](const std::string& alias, const NetworkPrinter& printer,
                               const std::string& more) {
            return "{alias: " + alias + ", address: '" + printer.address() + "'" + more + "}";
        };
        return "servers: [{name: hub, protocol: print, url: 'ws" + hub_.url().substr(4) +
               "/print-agent', credential: {file: '" + (dir_ / "credential").string() +
               "'}, reconnect: {initial: 100ms, max: 200ms}}]\nplugins:\n  printer:\n    enabled: true\n"
               "    config: {usb: false, " +
               more_config + "devices: [" +
               device("Kitchen", kitchen_,
                      ", role: food, default: true, overrides: {confirmation: process_id}") +
               ", " + device("Bar", bar_, "") + more_devices + "]}\n";
    }
    std::unique_ptr<Daemon> agent(const std::string& more_devices = {})
    {
        Daemon::Options options;
        options.id = "shop-1";
        options.dir = dir_ / "agent";
        options.yaml = yaml(more_devices);
        auto out = std::make_unique<Daemon>(options);
        EXPECT_TRUE(out->wait_ready()) << out->log();
        EXPECT_TRUE(wait_for([&] { return hub_.online("shop-1"); })) << out->log();
        return out;
    }
    std::string print(const json& order)
    {
        const auto answer = hub_.request("POST", "/api/shops/shop-1/print", order.dump());
        EXPECT_EQ(answer.status, 202) << answer.body;
        return answer.json.value("id", std::string{});
    }
    json task(const std::string& id) { return hub_.request("GET", "/api/agent-tasks/" + id).json; }
    json ended(const std::string& id)
    {
        json found;
        EXPECT_TRUE(wait_for([&] {
            found = task(id);
            const std::string status = found.value("status", "");
            return status == "success" || status == "error" || status == "failed";
        })) << found.dump();
        return found;
    }

    TempDir dir_;
    Hub hub_{false};
    NetworkPrinter kitchen_{{}}, bar_{{}};
};

TEST_F(ReceiptTravels, ThroughTheHubAndIsReported)
{
    const auto agent = this->agent();
    const json printed = ended(print({{"text", "Soup\n"}, {"printer", "Kitchen"}}));
    EXPECT_EQ(printed.value("outcome", ""), "printed") << printed.dump();
    EXPECT_NE(kitchen_.received().find("Soup"), std::string::npos);
    const json sent = ended(print({{"data", "QmVlcgo="}, {"printer", "Bar"}}));
    EXPECT_EQ(sent.value("outcome", ""), "sent") << sent.dump();
    EXPECT_EQ(bar_.received(), "Beer\n");
    // 4 KB in a binary frame.
    const std::string big(4'096, 'A');
    EXPECT_EQ(ended(print({{"data", big}, {"printer", "Bar"}})).value("outcome", ""), "sent");

    json printers;
    EXPECT_TRUE(wait_for([&] {
        printers = hub_.request("GET", "/api/shops/shop-1/printers").json;
        return printers.value("printers", json::array()).size() == 2;
    })) << printers.dump();
    EXPECT_EQ(printers["printers"][0]["alias"], "Kitchen");
    EXPECT_EQ(printers["printers"][0]["isDefault"], true);

    const std::string id = printed.value("id", "");
    const auto picture = hub_.request("GET", "/api/agent-tasks/" + id + "/receipt.txt");
    EXPECT_EQ(picture.status, 200) << picture.body;
    EXPECT_NE(picture.body.find("Soup"), std::string::npos);
    const auto again = hub_.request("POST", "/api/agent-tasks/" + id + "/reprint");
    EXPECT_EQ(again.status, 202) << again.body;
    EXPECT_EQ(ended(again.json.value("id", "")).value("outcome", ""), "printed");
    EXPECT_NE(kitchen_.received().find("COPY"), std::string::npos);
    EXPECT_EQ(agent->stop(), 0) << agent->log();
}

TEST_F(ReceiptTravels, AndComesOutOnceAlthoughTheAgentIsKilled)
{
    NetworkPrinter::Habits habits;
    habits.paper_out = true;
    kitchen_.set(habits);
    auto agent = this->agent();
    const std::string id = print({{"text", "Pie\n"}, {"printer", "Kitchen"}});
    EXPECT_TRUE(wait_for([&] { return agent->log().find("PAPER_OUT") != std::string::npos; }))
        << agent->log();
    agent->kill9();
    agent.reset();
    agent = this->agent();
    habits.paper_out = false;
    kitchen_.set(habits);
    EXPECT_TRUE(wait_for([&] { return kitchen_.received().find("Pie") != std::string::npos; }))
        << agent->log();
    EXPECT_EQ(ended(id).value("outcome", ""), "printed") << agent->log();
    const json jobs = json::parse(agent->call("printer.queue", R"({"all":true})").out, nullptr, false);
    EXPECT_EQ(jobs["jobs"].size(), 1u) << jobs.dump();
    EXPECT_EQ(kitchen_.received().find("Pie"), kitchen_.received().rfind("Pie"));
    EXPECT_EQ(agent->stop(), 0) << agent->log();
}

// The session lives, so the hub repeats nothing: the task's answer is the job's all the same.
TEST_F(ReceiptTravels, AndComesOutOnceAlthoughThePluginIsReloaded)
{
    NetworkPrinter::Habits habits;
    habits.paper_out = true;
    kitchen_.set(habits);
    const auto agent = this->agent();
    const std::string id = print({{"text", "Pie\n"}, {"printer", "Kitchen"}});
    EXPECT_TRUE(wait_for([&] { return agent->log().find("PAPER_OUT") != std::string::npos; }))
        << agent->log();
    agent->rewrite(yaml({}, "queue_jobs: 999, "));
    agent->signal(SIGHUP);
    EXPECT_TRUE(wait_for([&] { return agent->log().find("has its new configuration") != std::string::npos; }))
        << agent->log();
    habits.paper_out = false;
    kitchen_.set(habits);
    EXPECT_EQ(ended(id).value("outcome", ""), "printed") << task(id).dump() << agent->log();
    EXPECT_EQ(kitchen_.received().find("Pie"), kitchen_.received().rfind("Pie"));
    EXPECT_EQ(agent->stop(), 0) << agent->log();
}

TEST_F(ReceiptTravels, ToOneOfAHundredPrinters)
{
    NetworkPrinter last{{}};
    std::string more;
    for (int i = 2; i < 99; ++i)
        more += ", {alias: 'Printer " + std::to_string(i) + "', role: 'the role of printer " +
                std::to_string(i) + "', address: '192.0.2." + std::to_string(i) + "'}";
    more += ", {alias: Last, address: '" + last.address() + "'}";
    const auto agent = this->agent(more);
    json printers;
    EXPECT_TRUE(wait_for([&] {
        printers = hub_.request("GET", "/api/shops/shop-1/printers").json;
        return printers.value("printers", json::array()).size() == 100;
    })) << printers.dump();
    EXPECT_FALSE(printers.contains("leftOut")) << printers["leftOut"];
    EXPECT_EQ(ended(print({{"text", "Tea\n"}, {"printer", "Last"}})).value("outcome", ""), "sent");
    EXPECT_NE(last.received().find("Tea"), std::string::npos);
    EXPECT_EQ(agent->stop(), 0) << agent->log();
}

TEST_F(ReceiptTravels, AndSettingsAreConfirmed)
{
    const auto agent = this->agent();
    const auto answer = hub_.request(
        "POST", "/api/agent-tasks",
        R"({"shopId":"shop-1","command":"config","payload":{"defaultPrinter":{"alias":"Bar"}}})");
    EXPECT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(ended(answer.json.value("id", "")).value("status", ""), "success");
    EXPECT_EQ(ended(print({{"text", "Ale\n"}})).value("outcome", ""), "sent");
    EXPECT_NE(bar_.received().find("Ale"), std::string::npos);
}

} // namespace
