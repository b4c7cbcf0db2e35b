#include "game_engine.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>
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

// At most 15 characters, of this engine alone.
std::string bridge_name()
{
    static std::atomic<unsigned> count{0};
    return "br-t" + std::to_string(::getpid()) + "-" + std::to_string(count++ % 100);
}

} // namespace

GameEngine::Bridge::~Bridge()
{
    if (std::filesystem::exists("/sys/class/net/" + name))
        run({"busybox", "ip", "link", "delete", "dev", name});
}

GameEngine::GameEngine(Kind kind, std::vector<std::string> more_arguments)
    : EngineProcess{kind, std::move(more_arguments)}, bridge_{podman() ? "agh-gamenet" : bridge_name()}
{
    if (!podman()) {
        const json options{{"com.docker.network.bridge.name", bridge_.name}};
        const json network{{"Name", "gamenet"}, {"Driver", "bridge"}, {"Options", options}};
        const json made = ask("POST", "/networks/create", network.dump());
        if (!made.is_object() || !made.contains("Id"))
            throw std::runtime_error{"the engine makes no network: " + made.dump() + log()};
    }
    const TempDir image;
    fill_image(image / "root");
    import_folder(image / "root", podman() ? "docker.io/library/panelgame:1" : "panelgame:1");
}

GameEngine::~GameEngine()
{
    if (!podman()) ask("DELETE", "/networks/gamenet");
    stop(); // before its bridge goes
}

json GameEngine::ask(const std::string& method, const std::string& target, const std::string& body) const
{
    std::vector<std::string> command{"curl", "-sS", "-m", "30", "--unix-socket", socket(), "-X", method};
    if (!body.empty()) command.insert(command.end(), {"-H", "Content-Type: application/json", "-d", body});
    command.push_back("http://engine/v1.41" + target);
    return json::parse(run(command).out, nullptr, false);
}

void GameEngine::remove_containers()
{
    try {
        start();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return;
    }
    const json containers = ask("GET", "/containers/json?all=1");
    if (!containers.is_array()) return;
    for (const json& one : containers)
        ask("DELETE", "/containers/" + one["Id"].get<std::string>() + "?force=1&v=1");
}

std::string GameEngine::plugin_yaml(const std::filesystem::path& data_dir, const std::string& more,
                                    const Node& node) const
{
    return "docker: {enabled: true, required: true, config: {socket: '" +
           (node.socket.empty() ? socket() : node.socket) + "', data_dir: '" + data_dir.string() +
           "', uid: 1000, gid: 1000, allow_images: [" + node.images +
           "], bind_addresses: ['127.0.0.1'], network: gamenet, stats_interval: " + node.stats_interval +
           more + "}}\n";
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
