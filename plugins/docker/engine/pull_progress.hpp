// Follows the pull of an image: one JSON object a line, layers by id. Pure.
//
// A pull that fails has status 200 as well: its error is one of the lines, so all of them must be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace agenthost::docker::engine {

class PullProgress {
public:
    // False: the line is not JSON.
    bool read(std::string_view line);

    [[nodiscard]] std::size_t layers() const { return layers_.size(); }
    [[nodiscard]] std::size_t layers_done() const { return done_; }
    // Of the layers whose size is known.
    [[nodiscard]] std::uint64_t bytes() const;
    [[nodiscard]] std::uint64_t bytes_total() const;
    // 0 to 100; by the number of layers while sizes are unknown.
    [[nodiscard]] int percent() const;
    // What the engine said last, such as "Downloading"; printable.
    [[nodiscard]] const std::string& status() const { return status_; }
    // "sha256:..." once the engine has reported it.
    [[nodiscard]] const std::string& digest() const { return digest_; }
    // The engine's message; empty: no error.
    [[nodiscard]] const std::string& error() const { return error_; }

    // Images have at most 127 layers; more are not counted.
    static constexpr std::size_t max_layers = 512;

private:
    struct Layer {
        std::uint64_t current = 0, total = 0;
        bool done = false;
    };
    void read_layer(const std::string& id, std::uint64_t current, std::uint64_t total);

    std::map<std::string, Layer, std::less<>> layers_;
    std::size_t done_ = 0;
    std::string status_, digest_, error_;
};

} // namespace agenthost::docker::engine
