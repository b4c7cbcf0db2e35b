// Reads JSON from a server: bounded before it is parsed, and every value knows its path for messages.
//
//     const Json json = parse_document(payload, "payload");
//     const Node root{json, "payload"};
//     if (const auto image = root.find("image")) use(image->line(512));     // payload.image
//
// Every reader throws CONFIG_INVALID (refusal.hpp) when the value has another type or exceeds its bound.
// Members keep the order of the text: the first port and the first image of an egg are the default ones.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::docker {

using Json = nlohmann::ordered_json;

constexpr std::size_t max_document_bytes = 1 << 20;
// Values of one document. A member of an ordered object is found by linear search, so this also bounds the
// parser's time.
constexpr std::size_t max_document_values = 8192;
constexpr std::size_t max_document_depth = 24;

Json parse_document(std::string_view text, std::string_view path);

class Node {
public:
    // `json` must outlive the node.
    Node(const Json& json, std::string path) : json_{&json}, path_{std::move(path)} {}

    [[nodiscard]] const Json& json() const { return *json_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[noreturn]] void refuse(const std::string& what) const;

    // A member of an object. Absent and null are the same; PHP writes an empty object as [], which has no
    // members.
    [[nodiscard]] std::optional<Node> find(std::string_view key) const;
    // All members, null ones included.
    [[nodiscard]] std::vector<std::pair<std::string, Node>> members(std::size_t max) const;
    [[nodiscard]] std::vector<Node> elements(std::size_t max) const;

    // At most `max` bytes, no NUL.
    [[nodiscard]] std::string text(std::size_t max) const;
    // Text without line breaks and other control characters (a tab is allowed).
    [[nodiscard]] std::string line(std::size_t max) const;
    // A number or a string of digits.
    [[nodiscard]] std::uint64_t whole(std::uint64_t least, std::uint64_t most) const;
    [[nodiscard]] bool flag() const;
    // A string, number or boolean as one line of text: how variables are given.
    [[nodiscard]] std::string scalar(std::size_t max) const;

private:
    const Json* json_;
    std::string path_;
};

// "eggConfig" and "image" give "eggConfig.image"; a key that is not a plain word is quoted: eggConfig["a b"].
std::string member_path(std::string_view path, std::string_view key);

} // namespace agenthost::docker
