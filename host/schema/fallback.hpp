// The rest of JSON Schema (draft 7: $ref within the document, not, if, patternProperties, uniqueItems, ...)
// by valijson over nlohmann: 3.6 us for a 230-byte upload against 0.2 us of the tree, so only for schemas
// that the tree cannot represent. One check at a time.
//
// Same rules as tree.hpp: 1.0 is an integer, `format` is ignored. Strings of more than 2,048 bytes are
// rejected by a schema with such a pattern, because std::regex recurses once per byte.
#pragma once

#include "schema.hpp"

namespace agenthost::host::schema {

std::shared_ptr<const Schema> compile_fallback(std::string_view schema_json, std::string& why);

} // namespace agenthost::host::schema
