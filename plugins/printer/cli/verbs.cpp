#include "verbs.hpp"

#include <array>

namespace agenthost::printer::cli {

std::span<const Verb> verbs()
{
    static const std::array table{
        Verb{"list", list_usage, list},    Verb{"test", test_usage, test},
        Verb{"queue", queue_usage, queue}, Verb{"cancel", cancel_usage, cancel},
        Verb{"watch", watch_usage, watch}, Verb{"render", render_usage, render},
    };
    return table;
}

} // namespace agenthost::printer::cli
