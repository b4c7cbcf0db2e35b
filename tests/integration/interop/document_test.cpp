// Every message of each document once, with a server that was written from the document (node/PROTOCOL.mjs):
// what the agent says, what it makes of what it is told.
#include "fixture.hpp"

using namespace agenthost::test;

namespace {

class Document : public Stage, public testing::WithParamInterface<Scenario> {};

TEST_P(Document, IsSpokenByTheAgent) { play(GetParam()); }

const std::string echo_panel = ", map: {create_server: trial.echo, start_server: trial.echo, stop_server: "
                               "trial.echo, restart_server: trial.echo, get_status: trial.echo, list_files: "
                               "trial.echo, get_file: trial.echo}";
// For the field dialect: the document's words where it has them.
const std::string echo_panel_field =
    ", map: {create_server: trial.echo, start_server: trial.echo, stop_server: "
    "trial.fail, restart_server: trial.echo, delete_server: trial.echo, "
    "kill_server: trial.echo, server_command: trial.echo, get_file: "
    "trial.echo, file_write: trial.echo}";
const std::string echo_print = ", heartbeat: 1s, map: {task_print: trial.echo, task_config: trial.echo}";
const std::string terminal =
    ", heartbeat: 500ms, map: {'command:request': trial.command, 'command:interrupt': "
    "trial.interrupt, 'terminal:input': trial.echo, 'terminal:resize': trial.echo}";
const std::string often = ", heartbeat: 500ms, signed: {metrics_interval: 300ms}";
const std::string telemetry = "\n  telemetry: {enabled: true, config: {interval: 1s}}";

INSTANTIATE_TEST_SUITE_P(
    Storage, Document,
    testing::Values(Scenario{"storage", "document", "", ""}, Scenario{"storage", "refused", "", ""},
                    Scenario{"storage", "unreadable", "", ""}, Scenario{"storage", "stranger", "", ""},
                    Scenario{"storage", "binary", "", ""}, Scenario{"storage", "once", "", ""}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Panel, Document,
    testing::Values(Scenario{"panel", "registration", "", ""},
                    Scenario{"panel", "rotation", ", heartbeat: 200ms", ""},
                    Scenario{"panel", "expired", "", ""}, Scenario{"panel", "cut", "", ""},
                    Scenario{"panel", "revoked", "", ""}, Scenario{"panel", "refused", "", ""},
                    Scenario{"panel", "heartbeat", "", ""}, Scenario{"panel", "stranger", "", ""},
                    Scenario{"panel", "commands", echo_panel, ""}, Scenario{"panel", "errors", "", telemetry},
                    Scenario{"panel", "events", "", ""}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(Print, Document,
                         testing::Values(Scenario{"print", "registration", ", heartbeat: 500ms", ""},
                                         Scenario{"print", "task_ping", "", ""},
                                         Scenario{"print", "stranger", "", ""},
                                         Scenario{"print", "printing", echo_print, ""},
                                         Scenario{"print", "binary", echo_print, ""},
                                         Scenario{"print", "configuration", echo_print, ""},
                                         Scenario{"print", "errors", "", telemetry},
                                         Scenario{"print", "logs", "", ""}),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(Dashboard, Document,
                         testing::Values(Scenario{"dashboard", "command", terminal, ""},
                                         Scenario{"dashboard", "failures", terminal, ""},
                                         Scenario{"dashboard", "deadline", terminal, ""},
                                         Scenario{"dashboard", "interrupt", terminal, ""},
                                         Scenario{"dashboard", "terminal", terminal, ""},
                                         Scenario{"dashboard", "output", terminal, ""},
                                         Scenario{"dashboard", "heartbeat", terminal, ""},
                                         Scenario{"dashboard", "errors", terminal, telemetry},
                                         Scenario{"dashboard", "queue", "", ""},
                                         Scenario{"dashboard", "stranger", "", ""},
                                         Scenario{"dashboard", "refused", "", ""},
                                         Scenario{"dashboard", "reconnect", "", ""}),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(PanelField, Document,
                         testing::Values(Scenario{"panel_field", "presence", ", heartbeat: 300ms", ""},
                                         Scenario{"panel_field", "requests", echo_panel_field, ""},
                                         Scenario{"panel_field", "commands", "", ""},
                                         Scenario{"panel_field", "errors", echo_panel_field, ""},
                                         Scenario{"panel_field", "events", "", ""}),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(DashboardField, Document,
                         testing::Values(Scenario{"dashboard_field", "command", terminal, ""},
                                         Scenario{"dashboard_field", "failures", terminal, ""},
                                         Scenario{"dashboard_field", "cancel", terminal, ""},
                                         Scenario{"dashboard_field", "quiet", ", heartbeat: 300ms", ""},
                                         Scenario{"dashboard_field", "token", "", ""},
                                         Scenario{"dashboard_field", "refused", "", ""}),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Signed, Document,
    testing::Values(Scenario{"signed", "frames", often, ""}, Scenario{"signed", "commands", "", telemetry},
                    Scenario{"signed", "forged", often, ""}, Scenario{"signed", "skewed", "", ""},
                    Scenario{"signed", "stranger", "", ""}, Scenario{"signed", "clock", "", ""},
                    Scenario{"signed", "refused", "", ""}),
    [](const auto& info) { return info.param.name; });

} // namespace
