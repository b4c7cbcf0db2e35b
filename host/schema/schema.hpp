// JSON Schemas, compiled once when a plugin is loaded and checked at every call.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace agenthost::host {

// A JSON Schema compiled once. Thread-safe to use.
class Schema {
public:
    virtual ~Schema() = default;
    // Empty if `json` (one valid JSON value) matches; else a sentence: where (JSON pointer), what, how to
    // fix.
    [[nodiscard]] virtual std::string check(std::string_view json) const = 0;
};
// nullptr and `why` if the host cannot check this schema.
std::shared_ptr<const Schema> compile_schema(std::string_view schema_json, std::string& why);

} // namespace agenthost::host
