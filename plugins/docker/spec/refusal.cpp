#include "refusal.hpp"

#include "plugins/docker/errors/codes.hpp"

#include <agenthost/error.hpp>

namespace agenthost::docker {

void refuse(std::string_view path, const std::string& what)
{
    throw Error{code::config_invalid, std::string{path.empty() ? "payload" : path} + ": " + what,
                AGH_E_INVALID};
}

std::string shown(std::string_view text)
{
    constexpr std::size_t max_shown = 80;
    if (text.size() <= max_shown) return json_string(text);
    std::size_t cut = max_shown;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
    return json_string(text.substr(0, cut)) + "...";
}

} // namespace agenthost::docker
