#include "verbs.hpp"

#include <array>

namespace agenthost::printer::cli {

std::span<const Verb> verbs()
{
    static const std::array table{
        Verb{"render", render_usage, render},
    };
    return table;
}

} // namespace agenthost::printer::cli
