// The words of a command line, read from left to right. Pure.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer::cli {

// A command line that makes no sense; what() says why.
struct Usage : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Arguments {
public:
    explicit Arguments(std::vector<std::string> words) : words_{std::move(words)} {}

    [[nodiscard]] bool more() const { return at_ < words_.size(); }
    // The next word, which must exist; take() goes on.
    [[nodiscard]] const std::string& word() const { return words_[at_]; }
    std::string take() { return words_[at_++]; }
    // Takes it if the next word is this flag.
    bool flag(std::string_view name);
    // Takes --NAME VALUE or --NAME=VALUE (-N VALUE for a short one). Throws Usage if the value is missing.
    bool value(std::string_view name, std::string& to);
    // Throws Usage for an option that nobody took.
    void reject_option() const;

private:
    std::vector<std::string> words_;
    std::size_t at_ = 0;
};

// A whole number from `low` to `high`; Usage, with the option's name, for anything else.
int number(std::string_view option, const std::string& text, int low, int high);

} // namespace agenthost::printer::cli
