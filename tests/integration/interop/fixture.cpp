#include "fixture.hpp"

#include "tests/support/secrets.hpp"

#include <sstream>

namespace agenthost::test {

using nlohmann::json;

namespace {

// Facts as plugins publish them: what heartbeats, pongs and metrics are made of.
const char* const facts =
    R"({system_load: {cpu: 25.5, memory: 65.2, disk: 40.1}, active_servers: 3,
      metrics: {cpu_percent: 25.5, mem_percent: 65.0, disk_percent: 40.1, network_in_bps: 1200, network_out_bps: 900,
                load_average: [0.5, 0.4, 0.3]},
      devices: [{vendorId: 4070, productId: 33054, alias: Kitchen, role: Kitchen, isDefault: true,
                 lastTest: {status: success, timestamp: '2025-11-09T21:23:54.000Z'}}]})";

std::vector<json> lines(const std::string& text)
{
    std::vector<json> found;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);)
        if (json one = json::parse(line, nullptr, false); one.is_object()) found.push_back(std::move(one));
    return found;
}

std::size_t count(const std::string& log, const std::string& part)
{
    std::size_t found = 0;
    for (auto at = log.find(part); at != std::string::npos; at = log.find(part, at + 1)) ++found;
    return found;
}

} // namespace

std::ostream& operator<<(std::ostream& out, const Scenario& s) { return out << s.protocol << ' ' << s.name; }

std::string Stage::yaml(const Scenario& scenario, const json& told)
{
    const bool field = scenario.protocol.ends_with("_field");
    const std::string protocol = scenario.protocol.substr(0, scenario.protocol.find('_'));
    std::string server = "{name: it, protocol: " + protocol + (field ? ", dialect: field" : "") +
                         ", allow: ['trial.*', 'storage.*', 'host.*', 'telemetry.health_check', "
                         "'telemetry.version', 'telemetry.machine_id'" +
                         (scenario.protocol == "signed" ? ", 'telemetry.status'" : "") +
                         "], reconnect: {initial: 100ms, max: 30s}";
    if (told.contains("register")) {
        server += ", panel: {register_url: '" + told["register"].get<std::string>() +
                  "', admin_credential: {env: INTEROP_ADMIN}, port: 8080" +
                  (scenario.name == "rotation" ? ", refresh: 1s" : "") + "}";
    } else {
        server += ", url: '" + told["url"].get<std::string>() + "', credential: {file: '" +
                  (dir_ / "credential").string() + "'}";
    }
    if (scenario.protocol == "print") server += ", print: {shop_id: testclient}";
    return "servers: [" + server + scenario.server +
           "}]\nplugins:\n  storage: {enabled: true, config: {storage_path: '{dir}/files', reserve_free: "
           "1MiB, allow_hosts: ['127.0.0.1'], allow_private_networks: true}}\n  trial: {enabled: true, "
           "required: true, config: {facts: " +
           facts + "}}" + scenario.plugins + "\n";
}

void Stage::start()
{
    daemon_.reset();
    daemon_ = std::make_unique<Daemon>(options_);
    ASSERT_TRUE(daemon_->wait_ready()) << daemon_->log();
}

bool Stage::help(const json& wish)
{
    const std::string what = wish["do"];
    if (what == "restart") {
        EXPECT_EQ(daemon_->stop(), 0) << daemon_->log();
        start();
        return !HasFatalFailure();
    }
    if (what == "see it waiting") // told to a person, and not tried again at once
        return wait_for([&] {
            return daemon_->session_state("it") == "waiting" &&
                   daemon_->log().find(wish["because"].get<std::string>()) != std::string::npos;
        });
    if (what == "see in its status")
        return wait_for([&] {
            const auto status = daemon_->status();
            return status.is_object() &&
                   status["servers"].dump().find(wish["text"].get<std::string>()) != std::string::npos;
        });
    if (what == "see it once in its log") // and not a second time when it has gone on
        return wait_for([&] {
                   return daemon_->log().find(wish["text"].get<std::string>()) != std::string::npos;
               }) &&
               count(daemon_->log(), wish["text"]) == 1;
    return false;
}

void Stage::play(const Scenario& scenario)
{
    const auto hex = [&](const char* of) { return sha256_hex(of + dir_.path().string()).substr(0, 40); };
    secrets_ = {{"INTEROP_SECRET", "secret-" + hex("secret")},
                {"INTEROP_JWT", "eyJhbGciOiJub25lIn0." + hex("claims") + "." + hex("signature")},
                {"INTEROP_REFRESH", "refresh-" + hex("refresh")},
                {"INTEROP_ADMIN", "admin-" + hex("admin")},
                {"INTEROP_URL_TOKEN", "once" + hex("url")}};
    for (const auto& [name, value] : secrets_) keep_secret(value);
    write_file(dir_ / "credential",
               secrets_[scenario.protocol.starts_with("dashboard") ? "INTEROP_JWT" : "INTEROP_SECRET"] +
                   "\n");
    Process node{{.argv = {"node", (test::source_dir() / "tests/integration/interop/node/main.mjs").string(),
                           scenario.protocol, scenario.name},
                  .env = secrets_}};
    ASSERT_TRUE(wait_for([&] { return !lines(node.out()).empty() || !node.running(); }));
    const auto first = lines(node.out());
    ASSERT_FALSE(first.empty()) << node.err();
    const json told = first.front();

    options_.dir = dir_ / "agent";
    options_.yaml = yaml(scenario, told);
    options_.env = {{"INTEROP_ADMIN", secrets_["INTEROP_ADMIN"]}};
    options_.plugin_path = {plugin_dir().string(), (binary_dir() / "tests/plugins").string()};
    start();
    if (HasFatalFailure()) return;

    std::size_t seen = 1;
    bool passed = false, helped = true;
    wait_for([&] {
        const bool over = !node.running();
        const auto said = lines(node.out());
        for (; helped && seen < said.size(); ++seen) {
            passed = passed || said[seen].value("passed", false);
            if (!said[seen].contains("do")) continue;
            helped = help(said[seen]);
            if (helped) run({"curl", "-sS", "--max-time", "30", told["http"].get<std::string>() + "/_done"});
        }
        return over || !helped;
    });
    EXPECT_TRUE(helped) << "not done: " << lines(node.out()).back();
    EXPECT_TRUE(passed) << node.err() << "--- the agent's log ---\n"
                        << daemon_->log() << daemon_->status().dump(1);
    EXPECT_EQ(daemon_->stop(), 0) << daemon_->log();
}

} // namespace agenthost::test
