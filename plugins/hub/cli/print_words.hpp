// The words of `agenthost hub print`: what is printed as the parameters of hub.print, and the hub's answers as
// tables and sentences. Pure.
#pragma once

#include "arguments.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub::cli {

struct PrintVerb {
    // `form`: what follows the name, with every option that the verb has.
    std::string_view name, form;
    // Words after the name.
    std::size_t least, most;
    int (*run)(const Arguments&);
};
// The verb that the command line names. Throws Usage.
const PrintVerb& print_verb(std::span<const PrintVerb>, const Arguments&);
// Throws Usage for a missing word, one too many, and an option of another verb: a --printer that were ignored
// would print somewhere else.
void check_print_words(const PrintVerb&, const Arguments&);

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
