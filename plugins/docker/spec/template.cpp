#include "template.hpp"

#include "refusal.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace agenthost::docker {

namespace {

struct Alias {
    std::string_view name, variable;
};
constexpr std::array<Alias, 6> aliases{{{"server.build.default.port", "SERVER_PORT"},
                                        {"server.allocations.default.port", "SERVER_PORT"},
                                        {"server.build.default.ip", "SERVER_IP"},
                                        {"server.allocations.default.ip", "SERVER_IP"},
                                        {"server.build.memory", "SERVER_MEMORY"},
                                        {"server.build.memory_limit", "SERVER_MEMORY"}}};
constexpr std::array<std::string_view, 3> variable_prefixes{"env.", "server.build.env.",
                                                            "server.environment."};

const std::string* look_up(const Environment& map, std::string_view name)
{
    const auto at = map.find(name);
    return at == map.end() ? nullptr : &at->second;
}

bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

// Walks over a template: plain bytes one by one, placeholders as a whole.
class Scanner {
public:
    Scanner(std::string_view text, const TemplateValues& values, std::string_view path)
        : text_{text}, values_{values}, path_{path}
    {}

    [[nodiscard]] bool more() const { return at_ < text_.size(); }
    [[nodiscard]] bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
    [[nodiscard]] char previous() const { return at_ == 0 ? ' ' : text_[at_ - 1]; }
    [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
    char take() { return text_[at_++]; }
    [[nodiscard]] std::size_t position() const { return at_; }

    // The value of the placeholder that begins here; nullptr when none does.
    const std::string* placeholder()
    {
        if (!starts("{{")) return nullptr;
        const std::size_t start = at_;
        std::size_t i = at_ + 2;
        while (i < text_.size() && text_[i] == ' ') ++i;
        const std::size_t name_start = i;
        while (i < text_.size() && is_name_byte(text_[i])) ++i;
        const std::string_view name = text_.substr(name_start, i - name_start);
        while (i < text_.size() && text_[i] == ' ') ++i;
        if (name.empty() || !text_.substr(i).starts_with("}}"))
            refuse(path_, "\"{{\" at byte " + std::to_string(start) +
                              " does not begin a placeholder. Write {{NAME}}, with letters, digits, _ . and "
                              "- in the name.");
        const std::string* value = values_.find(name);
        if (!value)
            refuse(path_, "{{" + std::string{name} + "}} is unknown. Add " + std::string{name} +
                              " to environment, or correct the name.");
        at_ = i + 2;
        return value;
    }

private:
    std::string_view text_;
    const TemplateValues& values_;
    std::string_view path_;
    std::size_t at_ = 0;
};

void append_bounded(std::string& out, std::string_view text, std::string_view path)
{
    if (out.size() + text.size() > max_filled_bytes)
        refuse(path, "is longer than " + std::to_string(max_filled_bytes) +
                         " bytes once its placeholders are replaced. Use shorter values.");
    out += text;
}

// One argument while it is read.
class Arguments {
public:
    explicit Arguments(std::string_view path) : path_{path} {}

    void text(std::string_view bytes)
    {
        grow(bytes);
        present_ = true;
    }
    // An empty value leaves no argument behind, unless something else makes one.
    void value(const std::string& bytes, bool quoted)
    {
        grow(bytes);
        present_ = present_ || quoted || !bytes.empty();
    }
    void quote() { present_ = true; }
    [[nodiscard]] bool at_start() const { return !present_; }
    void end()
    {
        if (present_) {
            if (arguments_.size() >= max_arguments)
                refuse(path_, "has more than " + std::to_string(max_arguments) + " arguments.");
            arguments_.push_back(std::move(argument_));
        }
        argument_.clear();
        present_ = false;
    }
    std::vector<std::string> finish()
    {
        end();
        return std::move(arguments_);
    }

private:
    void grow(std::string_view bytes)
    {
        if (total_ + bytes.size() > max_filled_bytes)
            refuse(path_, "is longer than " + std::to_string(max_filled_bytes) +
                              " bytes once its placeholders are replaced. Use shorter values.");
        total_ += bytes.size();
        argument_ += bytes;
    }

    std::string_view path_;
    std::vector<std::string> arguments_;
    std::string argument_;
    std::size_t total_ = 0;
    bool present_ = false;
};

// Reads from after the opening quote up to the closing one.
void quoted_part(Scanner& in, Arguments& arguments, char quote, std::string_view path)
{
    arguments.quote();
    while (in.more()) {
        if (const std::string* value = in.placeholder()) {
            arguments.value(*value, true);
            continue;
        }
        if (quote == '"' && (in.starts("$") || in.starts("`")))
            refuse(path, std::string{"\""} + in.take() +
                             "\" in double quotes needs a shell. Write {{NAME}} for a variable, \\$ for a "
                             "dollar sign, "
                             "or set \"shell\": true.");
        char c = in.take();
        if (c == quote) return;
        const bool escapes = quote == '"' && c == '\\' && in.more() &&
                             std::string_view{"\"\\$`"}.find(in.rest().front()) != std::string_view::npos;
        if (escapes) c = in.take();
        arguments.text(std::string_view{&c, 1});
    }
    refuse(path, std::string{"a "} + quote + " is not closed. Add the closing quote.");
}

void refuse_shell_syntax(const Scanner& in, const Arguments& arguments, std::string_view path)
{
    const char c = in.rest().front();
    const bool comment = c == '#' && arguments.at_start();
    if (!comment && std::string_view{"|;&<>()$`\n"}.find(c) == std::string_view::npos) return;
    refuse(path, shown(std::string_view{&c, 1}) + " at byte " + std::to_string(in.position()) +
                     " needs a shell. Quote it to pass it as text, write {{NAME}} instead of $NAME, or set "
                     "\"shell\": true.");
}

std::string single_quoted(std::string_view value)
{
    std::string out = "'";
    for (const char c : value) out += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return out += "'";
}

// What quotes mean at a place in a shell line, as far as that is certain.
class ShellQuotes {
public:
    // The text that ends the quotes here and the text that begins them again; empty outside quotes.
    [[nodiscard]] std::string_view reopen() const
    {
        return quote_ == '\'' ? "'" : quote_ == '"' ? "\"" : std::string_view{};
    }
    [[nodiscard]] bool open() const { return quote_ != 0; }
    // After this, the quoting is no longer certain; empty: it is.
    [[nodiscard]] std::string_view unclear() const { return unclear_; }

    // `in` is at a byte that does not begin a placeholder. Returns how many bytes belong together.
    std::size_t step(const Scanner& in)
    {
        const char c = in.rest().front();
        if (quote_ == '\'') {
            if (c == '\'') quote_ = 0;
            return 1;
        }
        if (c == '\\') return std::min<std::size_t>(2, in.rest().size());
        static constexpr std::array<std::string_view, 3> hard_in_double{"`", "$(", "${"};
        static constexpr std::array<std::string_view, 5> hard_outside{"`", "<<", "((", "$'", "$\""};
        if (quote_ == '"')
            note(in, hard_in_double);
        else
            note(in, hard_outside);
        if (quote_ == 0 && c == '#' &&
            std::string_view{" \t;&|("}.find(in.previous()) != std::string_view::npos)
            unclear_ = "#";
        if (c == '"') quote_ = quote_ == '"' ? '\0' : '"';
        if (c == '\'' && quote_ == 0) quote_ = '\'';
        return 1;
    }

private:
    template <class List> void note(const Scanner& in, const List& hard)
    {
        for (const std::string_view what : hard)
            if (unclear_.empty() && in.starts(what)) unclear_ = what;
    }

    char quote_ = 0;
    std::string_view unclear_;
};

} // namespace

const std::string* TemplateValues::find(std::string_view name) const
{
    if (const std::string* value = look_up(settings_, name)) return value;
    for (const Alias& alias : aliases)
        if (name == alias.name) return look_up(environment_, alias.variable);
    for (const std::string_view prefix : variable_prefixes)
        if (name.starts_with(prefix)) return look_up(environment_, name.substr(prefix.size()));
    return look_up(environment_, name);
}

std::string fill(std::string_view text, const TemplateValues& values, std::string_view path)
{
    std::string out;
    for (Scanner in{text, values, path}; in.more();) {
        if (const std::string* value = in.placeholder())
            append_bounded(out, *value, path);
        else
            append_bounded(out, std::string(1, in.take()), path);
    }
    return out;
}

std::vector<std::string> fill_arguments(std::string_view line, const TemplateValues& values,
                                        std::string_view path)
{
    Arguments arguments{path};
    for (Scanner in{line, values, path}; in.more();) {
        if (const std::string* value = in.placeholder()) {
            arguments.value(*value, false);
            continue;
        }
        refuse_shell_syntax(in, arguments, path);
        const char c = in.take();
        if (c == ' ' || c == '\t') {
            arguments.end();
        } else if (c == '\'' || c == '"') {
            quoted_part(in, arguments, c, path);
        } else if (c == '\\') {
            if (!in.more()) refuse(path, "ends in a backslash. Remove it, or write \\\\.");
            const char escaped = in.take();
            arguments.text(std::string_view{&escaped, 1});
        } else {
            arguments.text(std::string_view{&c, 1});
        }
    }
    std::vector<std::string> out = arguments.finish();
    if (out.empty() || out.front().empty())
        refuse(path, "names no program. Write the command that starts the server.");
    if (out.front().find('=') != std::string::npos)
        refuse(path,
               shown(out.front()) + " sets a variable, which needs a shell. Add it to environment instead.");
    return out;
}

std::string fill_shell(std::string_view line, const TemplateValues& values, std::string_view path)
{
    std::string out;
    ShellQuotes quotes;
    bool after_dollar = false;
    for (Scanner in{line, values, path}; in.more();) {
        const std::size_t at = in.position();
        if (const std::string* value = in.placeholder()) {
            const std::string_view unclear = after_dollar ? std::string_view{"$"} : quotes.unclear();
            if (!unclear.empty())
                refuse(path, "the placeholder at byte " + std::to_string(at) + " comes after " +
                                 shown(unclear) +
                                 ", where its quoting is not certain. Use the variable there: \"${NAME}\".");
            append_bounded(
                out, std::string{quotes.reopen()} + single_quoted(*value) + std::string{quotes.reopen()},
                path);
            continue;
        }
        after_dollar = !quotes.open() && in.starts("$");
        for (std::size_t size = quotes.step(in); size > 0; --size)
            append_bounded(out, std::string(1, in.take()), path);
    }
    if (quotes.open()) refuse(path, "a quote is not closed. Add the closing quote.");
    return out;
}

} // namespace agenthost::docker
