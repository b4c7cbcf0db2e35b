// The actions of game servers, and how a server is named in a command. Pure.
#pragma once

#include "plugins/hub/store/model.hpp"

#include <string>
#include <string_view>

namespace agenthost::hub {

namespace server_action {
constexpr std::string_view create = "docker.create_server", start = "docker.start_server",
                           stop = "docker.stop_server", restart = "docker.restart_server",
                           kill = "docker.kill_server", remove = "docker.delete_server",
                           reinstall = "docker.reinstall_server", list = "docker.list_servers",
                           status = "docker.get_status", type = "docker.send_command",
                           logs = "docker.get_logs", list_files = "docker.list_files",
                           get_file = "docker.get_file", write_file = "docker.write_file",
                           delete_file = "docker.delete_file", rename_file = "docker.rename_file",
                           copy_file = "docker.copy_file", make_directory = "docker.make_directory",
                           chmod_file = "docker.chmod_file", archive_files = "docker.archive_files",
                           extract_archive = "docker.extract_archive";
} // namespace server_action

// "start_server" of "docker.start_server" and of the protocol's own name.
std::string_view server_verb(std::string_view action);

// Names the server in a task for an agent of this protocol: as its target, where the protocol has one, else
// as the parameter serverId, which create_server always has.
void name_server(TaskRecord&, std::string_view server, std::string_view protocol);
// The server that a task names; empty: none.
std::string named_server(const TaskRecord&);
// Whether a create_server also starts the server, by its parameter "start".
bool starts_at_once(const TaskRecord&);

} // namespace agenthost::hub
