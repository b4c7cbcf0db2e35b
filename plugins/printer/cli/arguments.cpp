#include "arguments.hpp"

#include "base/suggestion.hpp"

#include <charconv>

namespace agenthost::printer::cli {

bool Arguments::flag(std::string_view name)
{
    if (!more() || word() != name) return false;
    ++at_;
    return true;
}

bool Arguments::value(std::string_view name, std::string& to)
{
    if (!more()) return false;
    const std::string_view here = word();
    if (here == name) {
        if (++at_ == words_.size())
            throw Usage{std::string{name} + " needs a value: write " + std::string{name} + " VALUE"};
        to = take();
        return true;
    }
    if (!name.starts_with("--") || !here.starts_with(name) || !here.substr(name.size()).starts_with('='))
        return false;
    to = here.substr(name.size() + 1);
    ++at_;
    return true;
}

void Arguments::reject_option(std::span<const std::string_view> known) const
{
    if (!more() || !word().starts_with('-') || word() == "-") return;
    const std::string option = word().substr(0, word().find('='));
    throw Usage{"unknown option " + option + base::did_you_mean(option, known)};
}

int number(std::string_view option, const std::string& text, int low, int high)
{
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
        throw Usage{std::string{option} + ' ' + text + " is not a whole number from " + std::to_string(low) +
                    " to " + std::to_string(high)};
    return value;
}

} // namespace agenthost::printer::cli
