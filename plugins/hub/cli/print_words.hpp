// The words of `agenthost hub print`: what is printed as the parameters of hub.print, and the hub's answers as
// tables and sentences. Pure.
#pragma once

#include "arguments.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace agenthost::hub::cli {

// What hub.print accepts as "order". Bytes that are UTF-8 text without other control characters than tabs and
// line breaks are printed as text, others go to the printer unchanged (--raw: always). --charset: text in that
// charset. Throws Usage.
nlohmann::json print_order(const Arguments&, const std::string& bytes);

// Rows of tables, with their head.
std::vector<std::vector<std::string>> printer_rows(const nlohmann::json& shops);
std::vector<std::vector<std::string>> task_rows(const nlohmann::json& tasks);

// "req_1: printed", "req_1: unknown: the agent disconnected ...".
std::string task_sentence(const nlohmann::json& task);
// 0 printed or sent, or another task's success; 1 failed; 3 unknown: perhaps on paper; 124 not ended.
int task_exit_code(const nlohmann::json& task);

} // namespace agenthost::hub::cli
