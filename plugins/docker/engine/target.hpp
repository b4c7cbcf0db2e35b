// Writes the target of a request: path segments and query values are percent-encoded, so that no name or
// value changes which endpoint is called. Names are checked as well: a server decodes %2e%2e before it
// routes.
//
//     Target{"/containers/"}.segment(id).literal("/kill").query("signal", "SIGTERM").text()
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::docker::engine {

// An id or a name of a container: [A-Za-z0-9][A-Za-z0-9_.-]*, at most 128 bytes.
bool is_container_name(std::string_view);
// An image reference or id in the characters of the distribution grammar, without empty, "." and ".."
// segments, at most 512 bytes.
bool is_image_name(std::string_view);
// "SIGTERM", "TERM", "9".
bool is_signal(std::string_view);

class Target {
public:
    explicit Target(std::string_view path) : text_{path} {}

    Target& literal(std::string_view path)
    {
        text_ += path;
        return *this;
    }
    Target& segment(std::string_view);
    // "/", ":" and "@" stay as they are.
    Target& image(std::string_view);
    Target& query(std::string_view key, std::string_view value);
    Target& query(std::string_view key, bool value)
    {
        return query(key, std::string_view{value ? "1" : "0"});
    }
    Target& query(std::string_view key, const char* value) { return query(key, std::string_view{value}); }

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
    bool has_query_ = false;
};

// "1700000000.000000042", as the engine's since and until want it.
std::string engine_time(std::int64_t ns);

} // namespace agenthost::docker::engine
