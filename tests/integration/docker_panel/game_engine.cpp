#include "game_engine.hpp"

#include <utility>

namespace agenthost::test {

using nlohmann::json;

namespace {

// busybox and the game, in a folder tree that the image is made of.
void fill_image(const std::filesystem::path& root)
{
    std::filesystem::create_directories(root / "bin");
    for (const char* name :
         {"tmp", "proc", "dev", "sys", "etc", "home/container", "mnt/server", "mnt/install"})
        std::filesystem::create_directories(root / name);
    std::filesystem::copy_file("/bin/busybox", root / "bin/busybox");
    std::filesystem::copy_file(binary_dir() / "tests/docker_game", root / "bin/game");
    for (const char* applet : {"sh", "cat", "echo", "sleep", "true", "false", "cp", "ls", "id"})
        std::filesystem::create_symlink("busybox", root / "bin" / applet);
}

} // namespace

GameEngine::GameEngine(std::vector<std::string> more_arguments)
    : EngineProcess{Kind::docker, std::move(more_arguments)}
{
    // Ports are published by the engine's own proxy, without rules in the firewall.
    ask("POST", "/networks/create", R"({"Name":"gamenet","Driver":"bridge"})");
    const TempDir image;
    fill_image(image / "root");
    const auto tar = (image / "image.tar").string();
    run({"tar", "-C", (image / "root").string(), "-cf", tar, "."});
    run({"curl", "-sSf", "--unix-socket", socket(), "-X", "POST", "--data-binary", "@" + tar, "-H",
         "Content-Type: application/x-tar",
         "http://engine/v1.41/images/create?fromSrc=-&repo=panelgame&tag=1"});
}

GameEngine::~GameEngine() { ask("DELETE", "/networks/gamenet"); }

json GameEngine::ask(const std::string& method, const std::string& target, const std::string& body) const
{
    std::vector<std::string> command{"curl", "-sS", "-m", "30", "--unix-socket", socket(), "-X", method};
    if (!body.empty()) command.insert(command.end(), {"-H", "Content-Type: application/json", "-d", body});
    command.push_back("http://engine/v1.41" + target);
    return json::parse(run(command).out, nullptr, false);
}

void GameEngine::remove_containers()
{
    const json containers = ask("GET", "/containers/json?all=1");
    if (!containers.is_array()) return;
    for (const json& one : containers)
        ask("DELETE", "/containers/" + one["Id"].get<std::string>() + "?force=1&v=1");
}

std::string GameEngine::plugin_yaml(const std::filesystem::path& data_dir, const std::string& more,
                                    const std::string& stats_interval) const
{
    return "docker: {enabled: true, required: true, config: {socket: '" + socket() + "', data_dir: '" +
           data_dir.string() +
           "', uid: 1000, gid: 1000, allow_images: ['*'], bind_addresses: ['127.0.0.1'], network: gamenet, "
           "stats_interval: " +
           stats_interval + more + "}}\n";
}

json GameEngine::egg(const std::string& id, const json& more)
{
    json config{{"name", "test game"},    {"image", "panelgame:1"},
                {"startup", "/bin/game"}, {"done", ")! For help, type "},
                {"stop", "stop"},         {"limits", {{"memory", "128m"}, {"cpu", "1"}}}};
    config.update(more);
    return {{"serverId", id}, {"eggConfig", config}};
}

} // namespace agenthost::test
