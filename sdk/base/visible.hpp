// Text of others for a person's terminal: names of files, what agents and servers say. A terminal obeys control
// characters, so that a name could move the cursor, forge a row or fill the clipboard. Pure.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::base {

// Control characters (also those above ASCII, and those that change the direction of text or break lines) and
// bytes that are not UTF-8 become \xHH, the form in which file actions accept names. One line.
std::string visible(std::string_view text);
// The same for text of several lines: line breaks and tabs stay.
std::string visible_lines(std::string_view text);

} // namespace agenthost::base
