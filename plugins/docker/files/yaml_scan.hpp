// Finds the values of a YAML file written in block style, with the place of each in the text. Internal to
// edit_yaml.cpp.
//
// It understands what configuration files use: mappings and lists by indentation, scalars on one line (plain,
// 'single', "double"), comments. Everything else (block scalars, flow collections, anchors, tags, aliases,
// values over several lines) is stepped over and marked as `other`, so that it is never touched. Only the
// first document is read. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::docker::files {

struct YamlNode {
    enum class Kind { map, list, plain, single, dquoted, null, other } kind = Kind::null;
    std::size_t from = 0, to = 0; // of a scalar, with its quotes; of a null: where the value would begin
    std::string why;              // of other
    std::vector<std::pair<std::string, std::size_t>> members; // key and index of the node
    std::vector<std::size_t> elements;
    std::size_t indent = 0; // of the members
    std::size_t end = 0;    // after the last line of the members; of a null: after its line
};

// Nodes; the first is the document. Throws CONFIG_INVALID with the line.
std::vector<YamlNode> scan_yaml(std::string_view text);

} // namespace agenthost::docker::files
