#include "secret_names.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace agenthost::host::conf {

bool sounds_secret(std::string_view name)
{
    const std::string word = base::to_lower(name);
    static constexpr std::array words{"token",         "secret",  "password",    "passwd",
                                      "authorization", "cookie",  "credential",  "api_key",
                                      "apikey",        "api-key", "private_key", "signature"};
    return std::any_of(words.begin(), words.end(),
                       [&](const char* w) { return word.find(w) != std::string::npos; });
}

} // namespace agenthost::host::conf
