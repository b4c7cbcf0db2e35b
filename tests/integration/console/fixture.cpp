#include "fixture.hpp"

#include <pwd.h>
#include <unistd.h>

#include <csignal>

namespace agenthost::test {

namespace {

std::string quoted(const std::string& word)
{
    std::string out = "'";
    for (const char c : word) out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
    return out + "'";
}

} // namespace

void Person::boot(const Json& terminal, std::vector<Fault> faults, const std::string& hub)
{
    std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
    boot_hub(hub);
    if (HasFatalFailure()) return;
    const passwd* me = ::getpwuid(::geteuid());
    Json config{{"allow", {"*"}}, {"run_as", me ? me->pw_name : ""}};
    config.update(terminal);
    std::string entry = server(mint("node-01"), ", reconnect: {initial: 50ms, max: 1s}");
    if (!faults.empty()) {
        proxy_ =
            std::make_unique<Proxy>(std::atoi(url_.substr(url_.rfind(':') + 1).c_str()), std::move(faults));
        const std::string address = url_.substr(url_.find("//") + 2);
        entry.replace(entry.find(address), address.size(), "127.0.0.1:" + std::to_string(proxy_->port()));
    }
    agent_ =
        agent(entry, "agent", "\n  terminal: {enabled: true, required: true, config: " + config.dump() + "}");
    ASSERT_TRUE(wait_for([&] { return online(); })) << hub_->log() << agent_->log();
}

std::vector<std::string> Person::command(std::vector<std::string> words) const
{
    std::vector<std::string> argv{
        program("agenthost").string(), "--control-socket", hub_->control(), "-c", hub_->config_file(), "hub"};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

Ran Person::hub(std::vector<std::string> words) { return run(command(std::move(words))); }

Ran Person::hub(std::vector<std::string> words, const std::string& after, const std::string& before)
{
    std::string line = before;
    for (const std::string& word : command(std::move(words))) line += quoted(word) + " ";
    return run({"/bin/sh", "-c", line + after});
}

std::unique_ptr<PtyProcess> Person::at_terminal(std::vector<std::string> words, int cols, int rows)
{
    return std::make_unique<PtyProcess>(command(std::move(words)), cols, rows);
}

std::unique_ptr<PtyProcess> Person::shell()
{
    auto person = at_terminal({"shell", "node-01", "-e", "PS1=ready> ", "--", "/bin/sh", "-i"});
    EXPECT_TRUE(person->sees("ready> ")) << person->said() << agent_->log();
    EXPECT_TRUE(person->raw());
    return person;
}

Person::Json Person::runs()
{
    const Ran ran = hub({"runs", "--json"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    const Json all = Json::parse(ran.out, nullptr, false);
    EXPECT_TRUE(all.is_object()) << ran.out << ran.err;
    return all.is_object() ? all.value("runs", Json::array()) : Json::array();
}

pid_t pid_from(const std::filesystem::path& file)
{
    pid_t pid = 0;
    wait_for([&] {
        const std::string text = read_file(file);
        if (text.ends_with('\n')) pid = std::atoi(text.c_str());
        return pid > 0;
    });
    return pid;
}

bool gone(pid_t pid)
{
    return wait_for([&] { return ::kill(pid, 0) != 0; });
}

} // namespace agenthost::test
