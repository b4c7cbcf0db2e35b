#include "hub.hpp"

#include <stdexcept>

namespace agenthost::test {

Hub::Hub(bool tls)
{
    token_ = "admin-" + sha256_hex(dir_.path().string()).substr(0, 32);
    write_file(dir_ / "admin-token", token_ + "\n");
    std::string listener = "{name: hub, bind: '127.0.0.1:0'}";
    if (tls) {
        ca_ = std::make_unique<TestCa>();
        const auto [certificate, key] = ca_->issue("hub", "DNS:localhost,IP:127.0.0.1");
        listener =
            "{name: hub, bind: '127.0.0.1:0', tls: {certificate: '" + certificate + "', key: '" + key + "'}}";
    }
    Daemon::Options options;
    options.id = "hub";
    options.yaml =
        "listeners: [" + listener +
        "]\nplugins:\n  hub: {enabled: true, required: true, config: {listener: hub, admin_token: {file: '" +
        (dir_ / "admin-token").string() + "'}}}\n";
    daemon_ = std::make_unique<Daemon>(options);
    if (!daemon_->wait_ready()) throw std::runtime_error{"the hub did not start:\n" + daemon_->log()};
    url_ = daemon_->address("hub");
    if (url_.empty()) throw std::runtime_error{"the hub tells no address:\n" + daemon_->log()};
}

std::string Hub::websocket() const { return "ws" + url_.substr(4) + "/ws/storage"; }

std::string Hub::add_agent(const std::string& id)
{
    const auto ran = daemon_->cli({"hub", "agent", "add", id, "--json"});
    const auto answer = nlohmann::json::parse(ran.out, nullptr, false);
    if (ran.code != 0 || !answer.is_object() || !answer.contains("secret"))
        throw std::runtime_error{"hub agent add: " + ran.out + ran.err + daemon_->log()};
    return answer["secret"];
}

bool Hub::online(const std::string& id)
{
    const auto answer = request("GET", "/api/agents/" + id);
    return answer.status == 200 &&
           (answer.json.value("online", false) || answer.json.value("status", "") == "online");
}

Hub::Answer Hub::curl(std::vector<std::string> args)
{
    std::vector<std::string> argv{
        "curl", "-sS", "--max-time", "120", "-w", "\n%{http_code}", "-H", "Authorization: Bearer " + token_};
    if (ca_) argv.insert(argv.end(), {"--cacert", ca_->ca()});
    argv.insert(argv.end(), args.begin(), args.end());
    const auto ran = run(argv);
    Answer answer;
    const auto at = ran.out.rfind('\n');
    if (at == ran.out.npos) throw std::runtime_error{"curl: " + ran.err};
    answer.status = std::atoi(ran.out.c_str() + at + 1);
    answer.body = ran.out.substr(0, at);
    answer.json = nlohmann::json::parse(answer.body, nullptr, false);
    return answer;
}

Hub::Answer Hub::request(const std::string& method, const std::string& path, const std::string& body)
{
    std::vector<std::string> args{"-X", method};
    if (!body.empty())
        args.insert(args.end(), {"-H", "Content-Type: application/json", "--data-binary", body});
    args.push_back(url_ + path);
    return curl(args);
}

Hub::Answer Hub::put_file(const std::string& agent, const std::string& id, const std::filesystem::path& file)
{
    return curl({"-T", file.string(), url_ + "/api/agents/" + agent + "/files/" + id});
}

Hub::Answer Hub::head_of_file(const std::string& agent, const std::string& id)
{
    return curl({"-I", url_ + "/api/agents/" + agent + "/files/" + id});
}

Hub::Answer Hub::get_file(const std::string& agent, const std::string& id, const std::filesystem::path& to)
{
    return curl({"-o", to.string(), url_ + "/api/agents/" + agent + "/files/" + id});
}

std::string agent_yaml(Hub& hub, const std::filesystem::path& dir, const std::string& secret,
                       const std::string& plugin_extra)
{
    std::filesystem::create_directories(dir);
    write_file(dir / "credential", secret + "\n");
    return "servers: [{name: hub, protocol: storage, url: '" + hub.websocket() + "', credential: {file: '" +
           (dir / "credential").string() + "'}, reconnect: {initial: 50ms, max: 500ms}" +
           (hub.ca().empty() ? "" : ", tls: {ca: '" + hub.ca() + "'}") +
           "}]\nplugins:\n  storage: {enabled: true" + plugin_extra +
           ", config: {storage_path: '{dir}/files', reserve_free: 1MiB, allow_hosts: ['127.0.0.1'], "
           "allow_private_networks: true" +
           (hub.ca().empty() ? "" : ", tls_ca: '" + hub.ca() + "'") + "}}\n";
}

} // namespace agenthost::test
