#include "done_watch.hpp"

#include "ansi.hpp"

#include <algorithm>

namespace agenthost::docker::console {

bool DoneWatch::add(const Item& item)
{
    if (tests_.empty() || item.kind != Item::Kind::entry || item.stream == Stream::note) return false;
    std::string_view line = item.text;
    Line& begun = lines_[item.stream == Stream::err ? 1 : 0];
    if (!item.continues) begun.clear();
    if (item.open || item.continues) {
        begun += line.substr(0, max_line + 1 - begun.size());
        if (item.open) return false;
        line = begun;
    }
    if (line.size() > max_line) return false;
    if (!matches(line) && !(strip_colors_ && has_escapes(line) && matches(without_escapes(line))))
        return false;
    tests_.clear();
    lines_ = {};
    return true;
}

bool DoneWatch::matches(std::string_view line) const
{
    return std::any_of(tests_.begin(), tests_.end(), [&](const Test& test) { return test(line); });
}

} // namespace agenthost::docker::console
