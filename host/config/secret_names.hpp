// Recognises settings that probably hold a secret.
#pragma once

#include <string_view>

namespace agenthost::host::conf {

// Does the name of a header, query key or setting sound like a secret's ("X-Api-Key", "db_password")?
bool sounds_secret(std::string_view name);

} // namespace agenthost::host::conf
