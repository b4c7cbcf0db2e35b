// Reads the words of a command line from left to right. Pure.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer::cli {

// The command line is wrong; what() names the cause and the remedy.
struct Usage : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Arguments {
public:
    explicit Arguments(std::vector<std::string> words) : words_{std::move(words)} {}

    [[nodiscard]] bool more() const { return at_ < words_.size(); }
    // Returns the next word, which must exist. take() also moves past it.
    [[nodiscard]] const std::string& word() const { return words_[at_]; }
    std::string take() { return words_[at_++]; }
    // If the next word is this flag, takes it and returns true.
    bool flag(std::string_view name);
    // If the next word is this option, takes --NAME VALUE or --NAME=VALUE (-N VALUE for a short one) and
    // returns true. Throws Usage if the value is missing.
    bool value(std::string_view name, std::string& to);
    // Throws Usage if the next word is an option: call it when no other call took the word. The message
    // suggests the most similar of the `known` options ("--json").
    void reject_option(std::span<const std::string_view> known) const;

private:
    std::vector<std::string> words_;
    std::size_t at_ = 0;
};

// Returns the whole number in `text`. Throws Usage, naming the option, unless it is from `low` to `high`.
int number(std::string_view option, const std::string& text, int low, int high);

} // namespace agenthost::printer::cli
