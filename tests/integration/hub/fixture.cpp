#include "fixture.hpp"

#include <sstream>

namespace agenthost::test {

using nlohmann::json;

NodeAgent::NodeAgent(const std::string& url, const std::string& id, const std::string& token,
                     const std::string& mode)
    : process_{{.argv = {"node", (test::source_dir() / "tests/integration/hub/agent.mjs").string(), url, id,
                         token, mode}}}
{}

NodeAgent::NodeAgent(const std::string& script, std::vector<std::string> args)
    : process_{{.argv = [&] {
          std::vector<std::string> argv{"node", (source_dir() / "tests/integration/hub" / script).string()};
          argv.insert(argv.end(), args.begin(), args.end());
          return argv;
      }()}}
{}

std::vector<json> NodeAgent::said(const std::string& key) const
{
    std::vector<json> found;
    std::istringstream lines{process_.out()};
    for (std::string line; std::getline(lines, line);) {
        const json said = json::parse(line, nullptr, false);
        if (said.is_object() && said.contains(key)) found.push_back(said[key]);
    }
    return found;
}

json NodeAgent::wait(const std::string& key, std::size_t n)
{
    json found = json::object();
    EXPECT_TRUE(wait_for([&] {
        const auto all = said(key);
        if (all.size() <= n) return false;
        found = all[n];
        return true;
    })) << "no "
        << key << " from the agent: " << process_.out() << process_.err();
    return found;
}

void HubDaemon::boot(const std::string& hub_config, const std::string& listener)
{
    write_file(dir_ / "admin", token_ + "\n");
    write_file(dir_ / "agents.yaml",
               "agents:\n  - {id: n1, secret: secret-of-n1}\n  - {id: n2, secret: secret-of-n2}\n");
    if (!listener.empty()) listener_ = listener;
    config_ = hub_config;
    restart();
}

void HubDaemon::restart()
{
    Daemon::Options options;
    options.id = "hub";
    options.dir = dir_ / "hub";
    options.yaml = "listeners: [{name: hub, bind: '" + listener_ + "'" + listener_more_ +
                   "}]\nplugins:\n  hub: {enabled: true, required: true, config: {admin_token: {file: '" +
                   (dir_ / "admin").string() + "'}, credentials: '" + (dir_ / "agents.yaml").string() +
                   "', reserve_free: 0" + (config_.empty() ? "" : ", " + config_) + "}}\n";
    daemon_.reset();
    daemon_ = std::make_unique<Daemon>(options);
    ASSERT_TRUE(daemon_->wait_ready()) << daemon_->log();
    url_ = daemon_->address("hub");
    ASSERT_FALSE(url_.empty()) << daemon_->log();
}

HubDaemon::Answer HubDaemon::curl(std::vector<std::string> args, bool authorized)
{
    const std::string headers = (dir_ / ("headers-" + std::to_string(::gettid()))).string();
    std::vector<std::string> argv{"curl",  "-sS", "--max-time",   "120", "-D",
                                  headers, "-w",  "%{http_code}", "-H",  "Expect:"};
    const bool to_file = std::find(args.begin(), args.end(), "-o") != args.end();
    const std::string body = headers + ".body";
    if (!to_file) argv.insert(argv.end(), {"-o", body});
    if (authorized) argv.insert(argv.end(), {"-H", "Authorization: Bearer " + token_});
    argv.insert(argv.end(), args.begin(), args.end());
    const Ran ran = run(argv);
    Answer answer;
    answer.status = std::atoi(ran.out.c_str());
    EXPECT_EQ(ran.code, 0) << ran.err;
    if (!to_file && std::filesystem::exists(body)) {
        answer.body = read_file(body);
        std::filesystem::remove(body);
    }
    answer.json = json::parse(answer.body, nullptr, false);
    std::istringstream lines{read_file(headers)};
    for (std::string line; std::getline(lines, line);) {
        const std::size_t colon = line.find(": ");
        if (colon == std::string::npos) continue;
        std::string name = line.substr(0, colon);
        for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        answer.headers[name] = line.substr(colon + 2, line.find('\r') - colon - 2);
    }
    return answer;
}

HubDaemon::Answer HubDaemon::ask(const std::string& method, const std::string& path, const json& body)
{
    std::vector<std::string> args{"-X", method, url_ + path};
    if (!body.is_null())
        args.insert(args.end(), {"-H", "Content-Type: application/json", "--data-binary", body.dump()});
    return curl(std::move(args));
}

HubDaemon::Answer HubDaemon::command(const std::string& agent, const std::string& action, const json& params,
                                     double timeout)
{
    return ask("POST", "/api/agents/" + agent + "/commands",
               {{"action", action}, {"params", params}, {"timeout", timeout}});
}

HubDaemon::Answer HubDaemon::put(const std::string& agent, const std::string& file,
                                 const std::filesystem::path& content, std::vector<std::string> more)
{
    more.insert(more.end(), {"-T", content.string(), url_ + "/api/agents/" + agent + "/files/" + file});
    return curl(std::move(more));
}

std::unique_ptr<NodeAgent> HubDaemon::agent(const std::string& id, const std::string& mode)
{
    auto made = std::make_unique<NodeAgent>(socket_url(), id, "secret-of-" + id, mode);
    EXPECT_EQ(made->wait("welcome").value("status", ""), "ok");
    return made;
}

} // namespace agenthost::test
