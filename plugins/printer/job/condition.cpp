#include "condition.hpp"

namespace agenthost::printer::job {

namespace {

Condition paper_out() { return {Trouble::paper_out, "The printer is out of paper. Insert a roll."}; }
Condition fault()
{
    return {Trouble::fault, "The printer reports an error (cutter, temperature or power). Look at its lamps; "
                            "switching it off and on ends most errors."};
}
Condition offline()
{
    return {Trouble::offline,
            "The printer is offline. Press its feed or online button, or look at its lamps."};
}

} // namespace

Trouble trouble_of(OpenError::Kind kind)
{
    using Kind = OpenError::Kind;
    switch (kind) {
    case Kind::not_found: return Trouble::absent;
    case Kind::denied: return Trouble::denied;
    case Kind::busy:
    case Kind::refused: return Trouble::busy;
    case Kind::unreachable: return Trouble::unreachable;
    case Kind::unsupported: return Trouble::unsupported;
    }
    return Trouble::unreachable;
}

Condition condition_of(const Status& status)
{
    if (!status.holds()) return {};
    if (status.paper_out) return paper_out();
    if (status.cover_open) return {Trouble::cover_open, "The printer's cover is open. Close it."};
    return status.error ? fault() : offline();
}

Condition condition_of_port(std::uint8_t status)
{
    constexpr std::uint8_t paper_empty = 0x20, selected = 0x10, no_error = 0x08;
    if ((status & paper_empty) != 0) return paper_out();
    if ((status & no_error) == 0) return fault();
    if ((status & selected) == 0) return offline();
    return {};
}

} // namespace agenthost::printer::job
