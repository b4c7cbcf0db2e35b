#include "five.hpp"

#include "../support/secrets.hpp"

namespace agenthost::test {

void Five::boot_hub(const std::string& config)
{
    config_ = config;
    token_ = "admin-" + sha256_hex(dir_.path().string()).substr(0, 32);
    keep_secret(token_);
    write_file(dir_ / "admin", token_ + "\n");
    write_file(dir_ / "jwt", sha256_hex("jwt" + dir_.path().string()) + "\n");
    restart_hub(false);
}

void Five::restart_hub(bool kill)
{
    if (hub_ && kill) hub_->kill9();
    if (hub_ && !kill) {
        EXPECT_EQ(hub_->stop(), 0) << hub_->log();
    }
    hub_.reset();
    Daemon::Options options;
    options.id = "hub";
    options.dir = dir_ / "hub";
    options.yaml = "listeners: [{name: hub, bind: '" + bind_ +
                   "'}]\nplugins:\n  hub: {enabled: true, required: true, config: {listener: hub, "
                   "reserve_free: 0, admin_token: {file: '" +
                   (dir_ / "admin").string() + "'}, jwt_secret: {file: '" + (dir_ / "jwt").string() + "'}" +
                   config_ + "}}\n";
    hub_ = std::make_unique<Daemon>(options);
    ASSERT_TRUE(hub_->wait_ready()) << hub_->log();
    url_ = hub_->address("hub");
    ASSERT_FALSE(url_.empty()) << hub_->log();
    bind_ = url_.substr(url_.find("//") + 2); // the same port when it comes back
}

std::string Five::mint(const std::string& id)
{
    const auto ran = hub_->cli({"hub", "agent", "add", id, "--protocol", protocol(), "--json"});
    const Json minted = Json::parse(ran.out, nullptr, false);
    EXPECT_EQ(ran.code, 0) << ran.err;
    if (ran.code != 0) return {};
    const auto file = dir_ / ("credential-" + id);
    write_file(file, minted.value("secret", minted.value("token", "")) + "\n");
    return file.string();
}

std::string Five::server(const std::string& credential, const std::string& more) const
{
    static const std::map<std::string, std::string> paths{{"storage", "/ws/storage"},
                                                          {"panel", "/ws/agents"},
                                                          {"print", "/print-agent"},
                                                          {"dashboard", "/ws/agent"},
                                                          {"signed", "/agent"}};
    return "{name: hub, protocol: " + protocol() + ", url: 'ws" + url_.substr(4) + paths.at(protocol()) +
           "', credential: {file: '" + credential +
           "'}, allow: ['trial.*', 'storage.*', 'terminal.*', 'host.*']" + more + "}";
}

std::unique_ptr<Daemon> Five::agent(const std::string& server, const std::string& folder,
                                    const std::string& plugins) const
{
    Daemon::Options options;
    options.dir = dir_ / folder;
    options.plugin_path = {plugin_dir().string(), (binary_dir() / "tests/plugins").string()};
    options.yaml =
        "servers: [" + server +
        "]\nplugins:\n  storage: {enabled: true, required: true, config: {storage_path: '{dir}/files', "
        "reserve_free: 1MiB}}\n  trial: {enabled: true, required: true}" +
        plugins + "\n";
    auto made = std::make_unique<Daemon>(options);
    EXPECT_TRUE(made->wait_ready()) << made->log();
    return made;
}

Five::Answer Five::ask(const std::string& method, const std::string& path, const Json& body) const
{
    std::vector<std::string> argv{
        "curl",           "-sS", "--max-time", "120", "-w",
        "\n%{http_code}", "-X",  method,       "-H",  "Authorization: Bearer " + token_,
        url_ + path};
    if (!body.is_null())
        argv.insert(argv.end(), {"-H", "Content-Type: application/json", "--data-binary", body.dump()});
    const auto ran = run(argv);
    const auto at = ran.out.rfind('\n');
    if (at == ran.out.npos) return {};
    return {std::atoi(ran.out.c_str() + at + 1), Json::parse(ran.out.substr(0, at), nullptr, false)};
}

Five::Answer Five::command(const std::string& action, const Json& params, double timeout) const
{
    return ask("POST", "/api/agents/node-01/commands",
               {{"action", action}, {"params", params}, {"timeout", timeout}});
}

bool Five::online(const std::string& id) const
{
    const auto answer = ask("GET", "/api/agents/" + id);
    return answer.status == 200 && answer.json.value("status", "") == "online";
}

std::size_t Five::runs(const std::string& folder) const
{
    return read_file(dir_ / folder / "state/plugins/trial/runs").size();
}

} // namespace agenthost::test
