#include "shop.hpp"

#include <gtest/gtest.h>

namespace agenthost::test {

using nlohmann::json;

namespace {

constexpr const char* shop = "shop-1";

std::string agent_config(const Hub& hub, const std::filesystem::path& credential, const NetworkPrinter& bar)
{
    return "servers: [{name: hub, protocol: print, url: 'ws" + hub.url().substr(4) +
           "/print-agent', credential: {file: '" + credential.string() +
           "'}, heartbeat: 500ms, reconnect: {initial: 100ms, max: 200ms}}]\n"
           "shutdown: {commands: 200ms}\nplugins:\n  printer:\n    enabled: true\n    config: {devices: ["
           "{alias: Kitchen, role: food, serial: K000123, default: true, "
           "profile: default, overrides: {confirmation: process_id}}, "
           "{alias: Bar, role: drinks, address: '" +
           bar.address() + "'}]}\n";
}

} // namespace

Shop::Shop()
{
    usb.add("kitchen", "serial=K000123 vid=0fe6 pid=811e");
    usb.command("plug kitchen");
    const auto ran = hub.daemon().cli({"hub", "agent", "add", shop, "--protocol", "print", "--json"});
    write_file(dir_ / "credential", json::parse(ran.out).at("secret").get<std::string>() + "\n");
}

void Shop::start_agent()
{
    agent_.reset();
    Daemon::Options options;
    options.id = shop;
    options.dir = dir_ / "agent";
    options.env = usb.environment();
    options.yaml = agent_config(hub, dir_ / "credential", bar);
    agent_ = std::make_unique<Daemon>(options);
    ASSERT_TRUE(agent_->wait_ready()) << agent_->log();
    ASSERT_TRUE(wait_for([&] { return hub.online(shop); })) << agent_->log();
    ASSERT_TRUE(wait_for([&] { return printer("Kitchen").is_object() && printer("Bar").is_object(); }))
        << agent_->log();
}

void Shop::kill_agent()
{
    agent_->kill9();
    ASSERT_TRUE(wait_for([&] { return !hub.online(shop); }));
}

std::string Shop::print(const json& order)
{
    const auto answer = hub.request("POST", "/api/shops/shop-1/print", order.dump());
    EXPECT_EQ(answer.status, 202) << answer.body;
    return answer.json.value("id", std::string{});
}

json Shop::task(const std::string& id) { return hub.request("GET", "/api/agent-tasks/" + id).json; }

json Shop::ended(const std::string& id)
{
    json found;
    EXPECT_TRUE(wait_for([&] {
        found = task(id);
        const std::string status = found.value("status", "");
        return status == "success" || status == "error" || status == "failed";
    })) << found.dump()
        << (agent_ ? agent_->log() : "");
    return found;
}

json Shop::printer(const std::string& alias)
{
    const auto answer = hub.request("GET", "/api/shops/shop-1/printers");
    if (!answer.json.is_object()) return nullptr;
    for (const json& one : answer.json.value("printers", json::array()))
        if (one.value("alias", "") == alias) return one;
    return nullptr;
}

bool Shop::printer_says(const std::string& alias, const std::string& member, const json& value)
{
    json last;
    const bool said = wait_for([&] {
        last = printer(alias);
        return last.is_object() && last.contains(member) && last[member] == value;
    });
    EXPECT_TRUE(said) << alias << "." << member << " is not " << value << ": " << last << "\n"
                      << agent_->log();
    return said;
}

json Shop::command(const std::string& action, const json& params)
{
    const auto answer = hub.request("POST", "/api/agents/shop-1/commands",
                                    json{{"action", action}, {"params", params}, {"timeout", 60}}.dump());
    EXPECT_TRUE(answer.json.is_object()) << answer.status << " " << answer.body;
    return answer.json;
}

Ran Shop::hub_print(std::vector<std::string> args)
{
    args.insert(args.begin(), {"hub", "print"});
    return hub.daemon().cli(std::move(args));
}

Ran Shop::agent_print(std::vector<std::string> args)
{
    args.insert(args.begin(), "print");
    return agent_->cli(std::move(args));
}

std::string Shop::kitchen_paper()
{
    const std::string taken = usb.taken("kitchen");
    constexpr std::size_t query = 3, proof = 11;
    std::string paper;
    for (std::size_t at = 0; at < taken.size();) {
        if (taken.compare(at, 2, "\x10\x04") == 0 && at + query <= taken.size())
            at += query;
        else if (taken.compare(at, 5, std::string{"\x1d(H\x06\0", 5}) == 0)
            at += proof;
        else
            paper += taken[at++];
    }
    return paper;
}

std::size_t count_of(const std::string& text, const std::string& part)
{
    std::size_t n = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
    return n;
}

} // namespace agenthost::test
