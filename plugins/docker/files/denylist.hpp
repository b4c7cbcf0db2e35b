// The files of a server that users must not touch: the patterns of an egg's file_denylist.
//
// Patterns are those of .gitignore, as in Wings. Without a slash a pattern names files and folders at any
// depth: "secret.yml", "*.key". With one it is a path from the server's folder: "/eula.txt", "config/*.key".
// `*` and `?` match within one name, `**` any number of folders, [a-z] one of a set, `\` the next character
// itself. The last pattern that matches decides; "!" in front of it allows what an earlier one denied, except
// below a denied folder. What is in a denied folder is denied. Unlike in .gitignore, "name/" also denies a
// file of that name. Empty patterns and those that start with # are ignored.
//
// A value; any thread. Time is proportional to the lengths of path and patterns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker::files {

class Denylist {
public:
    Denylist() = default;
    explicit Denylist(std::vector<std::string> patterns);

    [[nodiscard]] bool empty() const { return rules_.empty(); }
    // Whether the path or a folder on the way to it is denied. Bytes as Path::bytes() has them: "a/b".
    [[nodiscard]] bool covers(std::string_view path) const;
    // Whether a pattern denies something below this path only: a link of this name would give it another path,
    // which is not denied.
    [[nodiscard]] bool is_above_denied(std::string_view path) const;
    // As they were given.
    [[nodiscard]] const std::vector<std::string>& patterns() const { return patterns_; }

private:
    struct Rule {
        std::vector<std::string> names; // of a path, or only one
        bool any_depth = false;         // `names` is one name, at any depth
        bool allows = false;
    };
    // The first `count` names of the rule and the first `length` names of the path.
    [[nodiscard]] static bool matches(const Rule&, std::size_t count,
                                      const std::vector<std::string_view>& path, std::size_t length);

    std::vector<std::string> patterns_;
    std::vector<Rule> rules_;
};

} // namespace agenthost::docker::files
